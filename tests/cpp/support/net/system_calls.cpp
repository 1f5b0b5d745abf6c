// SPDX-License-Identifier: MIT
// Every system call of a thread, through the kernel's syscall user dispatch: while the thread's
// selector is 1, a system call raises SIGSYS instead, except from the few instructions below. The
// handler notes it and makes it there.
// https://docs.kernel.org/admin-guide/syscall-user-dispatch.html
#include "record.hpp"

#if defined(__x86_64__) && defined(__linux__)

#include <linux/futex.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <cerrno>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON 1
#endif

// The C library's sigaction puts in a return of its own, which would raise SIGSYS again: hence a
// return of ours, and the system call that installs it.
__asm__(R"(
.pushsection .text
.hidden net_calls_begin
.hidden net_calls_end
.hidden net_return
.hidden net_call
net_calls_begin:
.type net_return, @function
net_return:
  mov $15, %eax
  syscall
.type net_call, @function
net_call:
  mov %rdi, %rax
  mov %rsi, %rdi
  mov %rdx, %rsi
  mov %rcx, %rdx
  mov %r8, %r10
  mov %r9, %r8
  mov 8(%rsp), %r9
  syscall
  ret
net_calls_end:
  nop
.popsection
)");

extern "C" {
extern const char net_calls_begin[];
extern const char net_calls_end[];
void net_return();
long net_call(long number, long a, long b, long c, long d, long e, long f);
}

namespace audio_thread_net {
namespace {

/// As the kernel lays it out.
struct KernelAction {
  void (*handler)(int, siginfo_t*, void*);
  unsigned long flags;
  void (*restorer)();
  unsigned long mask;
};

constexpr unsigned long kHasRestorer = 0x04000000;

bool is_wake(long number, long operation) {
  if (number != SYS_futex) return false;
  const long command = operation & FUTEX_CMD_MASK;
  return command == FUTEX_WAKE || command == FUTEX_WAKE_BITSET;
}

/// These don't come back to where they were made, or make a second thread do so.
bool must_be_made_in_place(long number) {
  return number == SYS_rt_sigreturn || number == SYS_clone || number == SYS_clone3 ||
         number == SYS_fork || number == SYS_vfork;
}

void on_system_call(int, siginfo_t*, void* context) {
  auto* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const long number = registers[REG_RAX];
  if (!is_wake(number, registers[REG_RSI])) {
    record(nullptr, number, reinterpret_cast<void*>(registers[REG_RIP]));
  }
  if (must_be_made_in_place(number)) {
    constexpr int kInstruction = 2;
    thread_state.selector = 0;  // until the next `enter`
    registers[REG_RIP] -= kInstruction;
    return;
  }
  registers[REG_RAX] = net_call(number, registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                                registers[REG_R10], registers[REG_R8], registers[REG_R9]);
}

}  // namespace

bool arm_system_calls() noexcept {
  const KernelAction action{on_system_call, SA_SIGINFO | kHasRestorer, net_return, 0};
  constexpr long kMaskSize = 8;
  if (net_call(SYS_rt_sigaction, SIGSYS, reinterpret_cast<long>(&action), 0, kMaskSize, 0, 0) !=
      0) {
    return false;
  }
  return net_call(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON,
                  reinterpret_cast<long>(net_calls_begin), net_calls_end - net_calls_begin,
                  reinterpret_cast<long>(&thread_state.selector), 0) == 0;
}

}  // namespace audio_thread_net

#else

namespace audio_thread_net {
bool arm_system_calls() noexcept { return false; }
}  // namespace audio_thread_net

#endif
