# SPDX-License-Identifier: MIT
# The window, in a library of its own (exporter.hpp says why), and what the formats need to open it.
# Without OpenGL and X11 here, the plugin is built without: hosts show their own sliders.
set(OpenGL_GL_PREFERENCE LEGACY) # as DPF: the library that has GLX too
find_package(OpenGL QUIET)
if(NOT APPLE)
  find_package(X11 QUIET)
endif()
set(lv2_symbols lv2-dsp)
if(NOT OPENGL_FOUND OR NOT (APPLE OR X11_FOUND))
  message(STATUS "no OpenGL or X11 to build with: the plugin will have no window")
  function(nnbridge_plugin_window target)
  endfunction()
  return()
endif()
set(lv2_symbols lv2)
dpf__add_dgl_opengl()
set_target_properties(dgl-opengl PROPERTIES SYSTEM ON) # its headers are not ours to lint
# The desktop's own file dialog, by D-Bus; else DPF's.
if(NOT APPLE)
  find_package(PkgConfig QUIET)
  if(PKG_CONFIG_FOUND)
    pkg_check_modules(DBUS QUIET IMPORTED_TARGET dbus-1)
  endif()
  if(TARGET PkgConfig::DBUS)
    target_compile_definitions(dgl-opengl PRIVATE HAVE_DBUS)
    target_link_libraries(dgl-opengl PRIVATE PkgConfig::DBUS)
  endif()
endif()

add_library(plugin_window MODULE window/window.cpp window/paint.cpp window/library.cpp
  window/display.cpp ${dpf}/distrho/src/DistrhoUI.cpp)
target_include_directories(plugin_window PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_include_directories(plugin_window SYSTEM PRIVATE ${dpf}/distrho)
# DPF wants to hear of a format; the one that counts parameters from 0.
target_compile_definitions(plugin_window PRIVATE NNBRIDGE_WINDOW DISTRHO_PLUGIN_TARGET_CLAP)
target_link_libraries(plugin_window PRIVATE dgl-opengl dgl-opengl-definitions dgl-system-libs
  ${CMAKE_DL_LIBS})
nnbridge_warnings(plugin_window)
set_source_files_properties(${dpf}/distrho/src/DistrhoUI.cpp PROPERTIES COMPILE_OPTIONS -w)
set_target_properties(plugin_window PROPERTIES PREFIX "" OUTPUT_NAME nnbridge-window
  CXX_VISIBILITY_PRESET default LIBRARY_OUTPUT_DIRECTORY ${binary})
if(APPLE)
  target_sources(plugin_window PRIVATE ${dpf}/distrho/DistrhoUI_macOS.mm)
  set_target_properties(plugin_window PROPERTIES SUFFIX ".dylib")
else()
  target_link_options(plugin_window PRIVATE
    LINKER:--version-script=${CMAKE_CURRENT_SOURCE_DIR}/window/window.map)
endif()

target_sources(nnbridge_plugin-dsp PRIVATE window/open_window.cpp)
target_compile_definitions(nnbridge_plugin PUBLIC NNBRIDGE_WINDOW)
target_link_libraries(nnbridge_plugin PUBLIC dgl-opengl-definitions dgl-system-libs-definitions)
target_include_directories(nnbridge_plugin SYSTEM PUBLIC ${dpf}/dgl)

# The view of a format that has one apart from its plugin.
function(nnbridge_plugin_window target)
  foreach(format VST3 LV2)
    string(TOLOWER ${format} name)
    if(target STREQUAL "nnbridge_plugin-${name}")
      target_sources(${target} PRIVATE ${dpf}/distrho/src/DistrhoUI${format}.cpp)
    endif()
  endforeach()
  add_dependencies(${target} plugin_window)
endfunction()
nnbridge_plugin_window(nnbridge_plugin-vst3)
