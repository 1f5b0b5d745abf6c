# SPDX-License-Identifier: MIT
# tests/cpp: one executable per *_test.cpp; its name says what it needs:
#   torch_*_test.cpp      links the TorchScript engine and torch, the others run without either
#   *_extended_test.cpp   gets the label `extended`: only `make test-extended` runs it
#   *realtime*_test.cpp   runs alone, because it measures time
# tests/cpp/support/*.cpp is shared by them all; support/link/ defines what an engine does for the
# tests that link none. support/net/ is a library of its own, also to be preloaded into hosts: the
# net under the audio thread, for audio_thread*_test.cpp (Linux, without sanitizers, which interpose
# the same functions). tests/bench/*.cpp are the benchmarks.
enable_testing()

if(NNBRIDGE_TESTS)
  # Archives: a test takes from them what it uses.
  function(nnbridge_test_library name type folder)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/cpp/${folder}/*.cpp)
    add_library(${name} ${type} ${sources})
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/tests/cpp
      ${PROJECT_SOURCE_DIR}/cpp/include)
    nnbridge_warnings(${name})
  endfunction()
  nnbridge_test_library(nnbridge_test_support STATIC support)
  nnbridge_test_library(nnbridge_test_link STATIC support/link)
  foreach(library nnbridge_test_support nnbridge_test_link)
    target_link_libraries(${library} PUBLIC nnbridge_internal nnbridge::expected GTest::gtest)
  endforeach()
  target_link_libraries(nnbridge_test_link PRIVATE nnbridge_test_support)
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT NNBRIDGE_SANITIZE)
    nnbridge_test_library(audio_thread_net SHARED support/net)
    set_target_properties(audio_thread_net PROPERTIES CXX_VISIBILITY_PRESET hidden)
    # First of all libraries, and there even for who calls nothing in it. Resolved at once: a name
    # looked up at its first call would be looked up on the audio thread.
    target_link_options(audio_thread_net PRIVATE -Wl,-z,now INTERFACE -Wl,--no-as-needed)
    target_link_libraries(audio_thread_net PRIVATE ${CMAKE_DL_LIBS})
  endif()

  include(GoogleTest)
  file(GLOB tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/cpp/*_test.cpp)
  foreach(source ${tests})
    get_filename_component(name ${source} NAME_WE)
    set(net "")
    set(library nnbridge_stream nnbridge_test_link)
    if(name MATCHES "^torch_")
      if(NOT NNBRIDGE_TORCH)
        continue()
      endif()
      set(library nnbridge nnbridge::torch)
    endif()
    if(name MATCHES "^audio_thread")
      if(NOT TARGET audio_thread_net)
        continue()
      endif()
      set(net audio_thread_net)
    endif()
    add_executable(${name} ${source})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/cpp
      ${PROJECT_SOURCE_DIR}/externals/plugin)
    target_link_libraries(${name} PRIVATE ${net} nnbridge_test_support ${library}
      nnbridge_internal GTest::gtest_main)
    nnbridge_warnings(${name})

    set(properties "")
    if(name MATCHES "_extended_test$")
      list(APPEND properties LABELS extended)
    endif()
    if(name MATCHES "realtime")
      list(APPEND properties RUN_SERIAL ON)
    endif()
    if(properties)
      list(PREPEND properties PROPERTIES)
    endif()
    # PRE_TEST: a test lists its cases when ctest asks, so that building runs nothing.
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 ${properties})
  endforeach()
endif()

if(NNBRIDGE_BENCH)
  file(GLOB benches CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/bench/*.cpp)
  foreach(source ${benches})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE nnbridge nnbridge_internal nnbridge::torch)
    foreach(peer speexdsp samplerate soxr)
      if(TARGET nnbridge::${peer})
        string(TOUPPER NNBRIDGE_BENCH_${peer} macro)
        target_link_libraries(${name} PRIVATE nnbridge::${peer})
        target_compile_definitions(${name} PRIVATE ${macro}=1)
      endif()
    endforeach()
    nnbridge_warnings(${name})
  endforeach()
endif()
