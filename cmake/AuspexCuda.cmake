# Whether this build has CUDA, and for which devices: sets AUSPEX_HAS_CUDA. Nothing else depends on a
# toolkit; what is linked is the static runtime, which finds the driver when the program starts.
set(AUSPEX_CUDA AUTO CACHE STRING "Build the cuda engine: AUTO (where nvcc works), ON or OFF")

set(AUSPEX_HAS_CUDA OFF)
# Sanitizers watch the kernels' code in its tests on the host.
if(NOT AUSPEX_CUDA STREQUAL "OFF" AND NOT AUSPEX_SANITIZE)
  find_program(AUSPEX_NVCC nvcc HINTS $ENV{CUDA_PATH}/bin PATHS /usr/local/cuda/bin)
  if(AUSPEX_NVCC AND NOT DEFINED ENV{CUDACXX})
    set(ENV{CUDACXX} ${AUSPEX_NVCC})
  endif()
  if(NOT DEFINED ENV{CUDAHOSTCXX})
    set(ENV{CUDAHOSTCXX} ${CMAKE_CXX_COMPILER})
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    set(AUSPEX_HAS_CUDA ON)
  elseif(AUSPEX_CUDA STREQUAL "ON")
    message(FATAL_ERROR "AUSPEX_CUDA is ON, and there is no nvcc that works with this compiler")
  endif()
endif()

if(AUSPEX_HAS_CUDA)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc has C++20
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    list(APPEND CMAKE_CUDA_COMPILE_FEATURES cuda_std_20)
  endif()
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  set(CMAKE_CUDA_EXTENSIONS OFF)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
  # Machine code for what is in use, and PTX for whatever comes later. CUDA 13 left out Volta.
  set(AUSPEX_CUDA_ARCHITECTURES 75-real 80-real 86-real 89-real 90)
  if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 13)
    list(PREPEND AUSPEX_CUDA_ARCHITECTURES 70-real)
  endif()
endif()
