# SPDX-License-Identifier: MIT
# NNBRIDGE_SANITIZE=address;undefined or thread, for everything that is compiled here.
if(NNBRIDGE_SANITIZE)
  if(MSVC)
    add_compile_options(/fsanitize=address)
  else()
    list(JOIN NNBRIDGE_SANITIZE "," sanitizers)
    add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${sanitizers})
    if("thread" IN_LIST NNBRIDGE_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # gcc does not model fences, and says so for each; those of the queues are announced to it.
      add_compile_options(-Wno-tsan -include ${PROJECT_SOURCE_DIR}/cmake/tsan_fences.hpp)
    endif()
  endif()
endif()
