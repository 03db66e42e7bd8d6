# Finds LibTorch. Debian's Torch package imports a target `gflags` that has no library behind it: it
# gets one here, so that linking works wherever the package comes from.
find_package(Torch REQUIRED)
find_library(AUSPEX_GFLAGS_LIBRARY gflags REQUIRED)
if(TARGET gflags)
  get_target_property(gflags_type gflags TYPE)
  if(NOT gflags_type STREQUAL "INTERFACE_LIBRARY")
    foreach(config "" _NONE _RELEASE _DEBUG _RELWITHDEBINFO)
      set_target_properties(gflags PROPERTIES IMPORTED_LOCATION${config} ${AUSPEX_GFLAGS_LIBRARY})
    endforeach()
  endif()
endif()
