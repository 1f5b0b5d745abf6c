# SPDX-License-Identifier: MIT
# nnbridge::torch: the installed PyTorch wheel, or LibTorch, as one target.
#
# Torch's own CMake package is not used: it also asks for protobuf, MKL, kineto and (in CUDA wheels)
# the CUDA toolkit, and writes their paths into our binaries, although four libraries are all we link.
if(NOT NNBRIDGE_TORCH_ROOT)
  nnbridge_find_python()
  execute_process(
    COMMAND ${Python_EXECUTABLE} -c
      "import importlib.util as u, os; s = u.find_spec('torch'); print(os.path.dirname(s.origin) if s and s.origin else '')"
    OUTPUT_VARIABLE torch_root OUTPUT_STRIP_TRAILING_WHITESPACE)
else()
  set(torch_root ${NNBRIDGE_TORCH_ROOT})
endif()

find_path(NNBRIDGE_TORCH_INCLUDE torch/csrc/jit/api/module.h HINTS ${torch_root}
  PATH_SUFFIXES include)
foreach(library c10 torch_cpu torch)
  find_library(NNBRIDGE_TORCH_${library} ${library} HINTS ${torch_root} PATH_SUFFIXES lib)
  mark_as_advanced(NNBRIDGE_TORCH_${library})
endforeach()
mark_as_advanced(NNBRIDGE_TORCH_INCLUDE)
if(NOT (NNBRIDGE_TORCH_INCLUDE AND NNBRIDGE_TORCH_c10 AND NNBRIDGE_TORCH_torch_cpu
    AND NNBRIDGE_TORCH_torch))
  message(FATAL_ERROR "torch is not installed for ${Python_EXECUTABLE}: run `make setup`, or "
    "`pip install torch`, or give -DNNBRIDGE_TORCH_ROOT=<LibTorch>, or build the parts that need "
    "none with -DNNBRIDGE_TORCH=OFF.")
endif()
get_filename_component(NNBRIDGE_TORCH_LIB_DIR ${NNBRIDGE_TORCH_torch_cpu} DIRECTORY)
message(STATUS "torch: ${NNBRIDGE_TORCH_LIB_DIR}")

add_library(nnbridge_dep_torch INTERFACE)
add_library(nnbridge::torch ALIAS nnbridge_dep_torch)
target_include_directories(nnbridge_dep_torch SYSTEM INTERFACE ${NNBRIDGE_TORCH_INCLUDE}
  ${NNBRIDGE_TORCH_INCLUDE}/torch/csrc/api/include)
target_link_libraries(nnbridge_dep_torch INTERFACE ${NNBRIDGE_TORCH_torch_cpu}
  ${NNBRIDGE_TORCH_c10})
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  # libtorch.so holds no code of its own, it only pulls in torch_cuda where a wheel has one:
  # a linker that drops unused libraries would take the `cuda` device away.
  target_link_options(nnbridge_dep_torch INTERFACE
    "LINKER:--push-state,--no-as-needed,${NNBRIDGE_TORCH_torch},--pop-state")
else()
  target_link_libraries(nnbridge_dep_torch INTERFACE ${NNBRIDGE_TORCH_torch})
endif()

# The OpenMP runtime that torch itself loads. A wheel ships its own, whose name may carry a hash
# (libgomp-a34b3233.so.1), so a plain -lgomp or -fopenmp could reach a second runtime, and
# omp_set_num_threads there would change nothing. Linking that very file cannot.
file(GLOB torch_openmp
  ${NNBRIDGE_TORCH_LIB_DIR}/libgomp*.so* ${NNBRIDGE_TORCH_LIB_DIR}/../../torch.libs/libgomp*.so*
  ${NNBRIDGE_TORCH_LIB_DIR}/libomp.dylib ${NNBRIDGE_TORCH_LIB_DIR}/libiomp5.dylib
  ${NNBRIDGE_TORCH_LIB_DIR}/libiomp5md.lib)
if(torch_openmp)
  list(GET torch_openmp 0 torch_openmp)
else()
  find_package(OpenMP QUIET) # a distribution's torch uses the system's runtime
  if(OpenMP_CXX_FOUND)
    set(torch_openmp ${OpenMP_CXX_LIBRARIES})
  endif()
endif()
if(torch_openmp)
  message(STATUS "torch's OpenMP: ${torch_openmp}")
  if(APPLE AND torch_openmp MATCHES "torch/lib/libomp\\.dylib$")
    # This file says that it lies where it was built (/opt/llvm-openmp), and the linker would believe
    # it. The two functions that we call are looked up when we are loaded, in the one of libtorch_cpu.
    target_link_options(nnbridge_dep_torch INTERFACE
      LINKER:-U,_omp_get_max_threads LINKER:-U,_omp_set_num_threads)
  else()
    target_link_libraries(nnbridge_dep_torch INTERFACE ${torch_openmp})
  endif()
  target_compile_definitions(nnbridge_dep_torch INTERFACE NNBRIDGE_OPENMP=1)
endif()
