# SPDX-License-Identifier: MIT
# The libraries we use, each as one target nnbridge::NAME: the installed one where there is one,
# otherwise (NNBRIDGE_FETCH) its sources. Nothing here touches the network when all are installed.
include(FetchContent)
find_package(Threads REQUIRED)

# nnbridge_find(name [OPTIONAL] HEADER h [LIBRARY l]): makes nnbridge::name from an installed header
# and library; OPTIONAL leaves it out when there is none. Headers and libraries are looked up directly, because some distributions' CMake files
# (libzip's among them) ask for command-line tools that nobody needs here.
function(nnbridge_find name)
  cmake_parse_arguments(arg "OPTIONAL" "HEADER;LIBRARY" "" ${ARGN})
  find_path(NNBRIDGE_${name}_INCLUDE ${arg_HEADER})
  set(found ${NNBRIDGE_${name}_INCLUDE})
  mark_as_advanced(NNBRIDGE_${name}_INCLUDE)
  if(arg_LIBRARY)
    find_library(NNBRIDGE_${name}_LIBRARY ${arg_LIBRARY})
    mark_as_advanced(NNBRIDGE_${name}_LIBRARY)
    if(NOT NNBRIDGE_${name}_LIBRARY)
      set(found "")
    endif()
  endif()
  if(found)
    add_library(nnbridge_dep_${name} INTERFACE)
    add_library(nnbridge::${name} ALIAS nnbridge_dep_${name})
    target_include_directories(nnbridge_dep_${name} SYSTEM INTERFACE ${NNBRIDGE_${name}_INCLUDE})
    if(arg_LIBRARY)
      target_link_libraries(nnbridge_dep_${name} INTERFACE ${NNBRIDGE_${name}_LIBRARY})
    endif()
  elseif(arg_OPTIONAL)
    message(STATUS "${arg_HEADER} is not installed: going on without ${name}")
  elseif(NOT NNBRIDGE_FETCH)
    message(FATAL_ERROR "nnbridge needs ${arg_HEADER} (${name}): install it "
      "(`make setup` does), or configure with -DNNBRIDGE_FETCH=ON to download it.")
  else()
    message(STATUS "${arg_HEADER} is not installed: downloading ${name}")
  endif()
endfunction()

# nnbridge_fetch(name repository tag): the sources of a dependency that builds with CMake.
macro(nnbridge_fetch name repository tag)
  FetchContent_Declare(${name} GIT_REPOSITORY ${repository} GIT_TAG ${tag} GIT_SHALLOW ON SYSTEM)
  FetchContent_MakeAvailable(${name})
endmacro()

nnbridge_find(readerwriterqueue HEADER readerwriterqueue/readerwriterqueue.h)
if(NOT TARGET nnbridge::readerwriterqueue)
  nnbridge_fetch(readerwriterqueue https://github.com/cameron314/readerwriterqueue v1.0.6)
  # Its headers lie at the top of its sources; installed ones lie in a folder of its name.
  add_library(nnbridge_dep_readerwriterqueue INTERFACE)
  foreach(header readerwriterqueue.h readerwritercircularbuffer.h atomicops.h)
    configure_file(${readerwriterqueue_SOURCE_DIR}/${header}
      ${PROJECT_BINARY_DIR}/_deps/include/readerwriterqueue/${header} COPYONLY)
  endforeach()
  target_include_directories(nnbridge_dep_readerwriterqueue SYSTEM INTERFACE
    ${PROJECT_BINARY_DIR}/_deps/include)
  add_library(nnbridge::readerwriterqueue ALIAS nnbridge_dep_readerwriterqueue)
endif()

nnbridge_find(expected HEADER tl/expected.hpp)
if(NOT TARGET nnbridge::expected)
  set(EXPECTED_BUILD_TESTS OFF)
  nnbridge_fetch(expected https://github.com/TartanLlama/expected v1.1.0)
  add_library(nnbridge::expected ALIAS expected)
endif()

nnbridge_find(json HEADER nlohmann/json.hpp)
if(NOT TARGET nnbridge::json)
  nnbridge_fetch(json https://github.com/nlohmann/json v3.11.3)
  add_library(nnbridge::json ALIAS nlohmann_json)
endif()

nnbridge_find(zip HEADER zip.h LIBRARY zip)
if(NOT TARGET nnbridge::zip)
  foreach(part BUILD_TOOLS BUILD_REGRESS BUILD_OSSFUZZ BUILD_EXAMPLES BUILD_DOC BUILD_SHARED_LIBS
      ENABLE_COMMONCRYPTO ENABLE_GNUTLS ENABLE_MBEDTLS ENABLE_OPENSSL ENABLE_WINDOWS_CRYPTO
      ENABLE_BZIP2 ENABLE_LZMA ENABLE_ZSTD LIBZIP_DO_INSTALL)
    set(${part} OFF)
  endforeach()
  nnbridge_fetch(libzip https://github.com/nih-at/libzip v1.11.2)
  add_library(nnbridge::zip ALIAS zip)
endif()

if(NNBRIDGE_TESTS)
  find_package(GTest QUIET)
  if(NOT TARGET GTest::gtest_main)
    set(gtest_force_shared_crt ON)
    set(INSTALL_GTEST OFF)
    nnbridge_fetch(googletest https://github.com/google/googletest v1.14.0)
  endif()
endif()

if(NNBRIDGE_BENCH) # what our resampler is compared with
  nnbridge_find(speexdsp OPTIONAL HEADER speex/speex_resampler.h LIBRARY speexdsp)
  nnbridge_find(samplerate OPTIONAL HEADER samplerate.h LIBRARY samplerate)
  nnbridge_find(soxr OPTIONAL HEADER soxr.h LIBRARY soxr)
endif()
