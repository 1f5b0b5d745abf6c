# SPDX-License-Identifier: MIT
# The externals as Max wants them, and the target `max_package`, which puts the package together:
# nnbridge/externals holds them, nnbridge/support the libraries that they share.
set(NNBRIDGE_MAX_LIBRARIES "" CACHE STRING "Folders with libraries, besides torch's, for the package")
set(NNBRIDGE_MAX_LICENCES "" CACHE STRING "Folders with the licences of those libraries")

# nnbridge_max_external(target): the binary of one object.
function(nnbridge_max_external target)
  if(APPLE)
    # A bundle; from its Contents/MacOS up to the package and into support. It is never run from
    # the build folder, so it gets that path at once.
    set_target_properties(${target} PROPERTIES
      BUNDLE ON BUNDLE_EXTENSION mxo
      MACOSX_BUNDLE_INFO_PLIST ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/Info.plist.in
      BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "@loader_path/../../../../support")
    # Max's functions are found in Max; of ours, it sees one.
    target_link_options(${target} PRIVATE LINKER:-undefined,dynamic_lookup
      LINKER:-exported_symbol,_ext_main)
    add_custom_command(TARGET ${target} POST_BUILD COMMAND ${CMAKE_COMMAND} -E copy
      ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/PkgInfo $<TARGET_BUNDLE_CONTENT_DIR:${target}>/PkgInfo)
  elseif(WIN32)
    # Max itself adds the folder support of every package to where Windows looks for libraries.
    set_target_properties(${target} PROPERTIES SUFFIX .mxe64)
    target_link_libraries(${target} PRIVATE
      ${MAX_SDK_DIR}/c74support/max-includes/x64/MaxAPI.lib
      ${MAX_SDK_DIR}/c74support/msp-includes/x64/MaxAudio.lib)
  endif()
endfunction()

set(max_package_options ${PROJECT_BINARY_DIR}/max-package)
set(max_package_needs "")
if(MAX_SDK_DIR AND (APPLE OR WIN32))
  foreach(target IN LISTS externals)
    nnbridge_max_external(${target})
  endforeach()
  if(WIN32)
    foreach(target nnbridge_max_objects ${externals})
      target_compile_definitions(${target} PRIVATE WIN_VERSION MAXAPI_USE_MSCRT)
    endforeach()
  endif()
  set(max_package_needs ${externals})
  list(APPEND max_package_options --zip --built ${PROJECT_BINARY_DIR}/max)
  foreach(folder IN LISTS NNBRIDGE_TORCH_LIB_DIR NNBRIDGE_MAX_LIBRARIES)
    list(APPEND max_package_options --libraries ${folder})
  endforeach()
  # Those of libraries that CMake itself has fetched, and what else is named.
  foreach(folder IN LISTS FETCHCONTENT_BASE_DIR NNBRIDGE_MAX_LICENCES)
    if(IS_DIRECTORY ${folder})
      list(APPEND max_package_options --licences ${folder})
    endif()
  endforeach()
endif()

nnbridge_find_python()
add_custom_target(max_package
  COMMAND ${Python_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/assemble.py ${max_package_options}
  DEPENDS ${max_package_needs} VERBATIM USES_TERMINAL)
