# SPDX-License-Identifier: MIT
# nnbridge_warnings(target): the warnings and the floating-point rules of our own code.
function(nnbridge_warnings target)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 /permissive- /utf-8 /fp:precise
      $<$<BOOL:${NNBRIDGE_WERROR}>:/WX>)
    target_compile_definitions(${target} PRIVATE NOMINMAX _USE_MATH_DEFINES)
  else()
    # Only flags that gcc and clang share: clang-tidy reads them from compile_commands.json.
    # No contraction: a fused multiply-add on one machine would give other samples than on the next.
    target_compile_options(${target} PRIVATE
      -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wundef
      -ffp-contract=off
      $<$<BOOL:${NNBRIDGE_WERROR}>:-Werror>)
  endif()
endfunction()
