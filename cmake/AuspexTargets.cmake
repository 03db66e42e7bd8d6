# How every folder declares its target: name, sources, dependencies, all explicit. The warning
# list, the sanitizers and the output folders are set here and nowhere else.

get_filename_component(AUSPEX_ROOT ${CMAKE_CURRENT_LIST_DIR} DIRECTORY)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")

find_program(AUSPEX_CCACHE ccache)
if(AUSPEX_CCACHE)
  # Paths below the checkout are hashed relative to it: another checkout finds the same objects.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${AUSPEX_ROOT}
                                  CCACHE_NOHASHDIR=true ${AUSPEX_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()
find_program(AUSPEX_MOLD mold)
if(AUSPEX_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
if(AUSPEX_SANITIZE)
  add_compile_options(-fsanitize=${AUSPEX_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${AUSPEX_SANITIZE})
endif()

# The one warning list. Generated code and foreign headers do not get it.
set(AUSPEX_WARNINGS
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual
  -Wformat=2 -Wimplicit-fallthrough -Wundef -Wunused -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  list(APPEND AUSPEX_WARNINGS -Wthread-safety)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  list(APPEND AUSPEX_WARNINGS -Wno-restrict)  # false alarm on std::string at -O2, GCC bug 105651
endif()

find_package(Threads REQUIRED)
find_package(absl REQUIRED)
if(NOT AUSPEX_SANITIZE)  # which has to see through calls of Abseil
  # Its archives: dozens of small shared libraries would have to be loaded at every start.
  get_property(imported DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(target ${imported})
    get_target_property(location ${target} IMPORTED_LOCATION_NONE)
    if(target MATCHES "^absl::" AND location MATCHES "\\.so")
      string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive ${location})
      set_target_properties(${target} PROPERTIES
        IMPORTED_LOCATION_NONE ${archive} IMPORTED_SONAME_NONE "")
    endif()
  endforeach()
endif()

# auspex_library(NAME SOURCES a.cc ... [DEPS public...] [PRIVATE_DEPS private...])
# A target for one folder. PRIVATE_DEPS are libraries whose headers only its .cc files include.
function(auspex_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${AUSPEX_WARNINGS})
  target_include_directories(${name} PUBLIC ${AUSPEX_ROOT})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS} Threads::Threads)
endfunction()

# auspex_binary(NAME SOURCES ... DEPS ...): a program in bin/.
function(auspex_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${AUSPEX_WARNINGS})
  target_include_directories(${name} PRIVATE ${AUSPEX_ROOT})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} Threads::Threads)
endfunction()

if(NOT TARGET quick_tests)
  add_custom_target(quick_tests)  # builds every quick test
endif()

# auspex_test(NAME SOURCES x_test.cc ... DEPS ... [LABELS quick|full] [TIMEOUT seconds])
# One GoogleTest program per folder; ctest runs it as one test. Label "quick" (the default) needs
# nothing but this machine; "full" needs real peers (Prometheus, ...) or minutes.
function(auspex_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT;LABELS" "SOURCES;DEPS" ${ARGN})
  if(NOT AUSPEX_TESTS)
    return()
  endif()
  find_package(GTest REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${AUSPEX_WARNINGS})
  target_include_directories(${name} PRIVATE ${AUSPEX_ROOT})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main Threads::Threads)
  if(AUSPEX_SANITIZE MATCHES thread)
    target_link_libraries(${name} PRIVATE auspex_tsan)  # tests/testing
  endif()
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${AUSPEX_ROOT})
  if(NOT ARG_LABELS)
    set(ARG_LABELS quick)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if("quick" IN_LIST ARG_LABELS)
    add_dependencies(quick_tests ${name})
  endif()
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABELS} TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "AUSPEX_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
endfunction()

# Finds gRPC for the calling folder, as archives: its shared libraries take longer to load than the
# daemon takes to start. protobuf stays shared, because LibTorch brings that in as well.
macro(auspex_find_grpc)
  find_package(gRPC REQUIRED)
  foreach(library grpc++_reflection grpc++ grpc gpr upb address_sorting)
    find_library(AUSPEX_ARCHIVE_${library} lib${library}.a REQUIRED)
    set_target_properties(gRPC::${library} PROPERTIES
      IMPORTED_LOCATION_NONE ${AUSPEX_ARCHIVE_${library}} IMPORTED_SONAME_NONE "")
  endforeach()
endmacro()
