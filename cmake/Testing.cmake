# SPDX-License-Identifier: MIT
# tests/cpp: one executable per *_test.cpp; its name says what it needs:
#   torch_*_test.cpp      links the TorchScript engine, the others run without torch
#   *_extended_test.cpp   gets the label `extended`: only `make test-extended` runs it
#   *realtime*_test.cpp   runs alone, because it measures time
# tests/cpp/support/*.cpp is shared by them all, tests/bench/*.cpp are the benchmarks.
enable_testing()

if(NNBRIDGE_TESTS)
  file(GLOB support CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/cpp/support/*.cpp)
  set(test_support "")
  if(support)
    add_library(nnbridge_test_support OBJECT ${support})
    target_include_directories(nnbridge_test_support PUBLIC ${PROJECT_SOURCE_DIR}/tests/cpp
      ${PROJECT_SOURCE_DIR}/cpp/include)
    target_link_libraries(nnbridge_test_support PUBLIC nnbridge_internal nnbridge::expected
      GTest::gtest)
    nnbridge_warnings(nnbridge_test_support)
    set(test_support nnbridge_test_support)
  endif()

  include(GoogleTest)
  file(GLOB tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/cpp/*_test.cpp)
  foreach(source ${tests})
    get_filename_component(name ${source} NAME_WE)
    set(library nnbridge_stream)
    if(name MATCHES "^torch_")
      if(NOT NNBRIDGE_TORCH)
        continue()
      endif()
      set(library nnbridge)
    endif()
    add_executable(${name} ${source})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/cpp)
    target_link_libraries(${name} PRIVATE ${test_support} ${library} nnbridge_internal
      GTest::gtest_main)
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
