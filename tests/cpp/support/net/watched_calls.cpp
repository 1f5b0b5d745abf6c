// SPDX-License-Identifier: MIT
// The calls that are caught by name. This library comes before the C library in the order in which
// names are looked up, so every caller in the process, the standard library included, arrives here.
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <ctime>

#include "record.hpp"

using namespace audio_thread_net;

namespace {

/// The function that would have been called, looked up at the first call.
template <class Function>
Function* next(std::atomic<void*>& kept, const char* name) {
  void* found = kept.load(std::memory_order_acquire);
  if (!found) {
    // Condition variables have an older, incompatible self of the same name.
    found = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");
    if (!found) found = dlsym(RTLD_NEXT, name);
    kept.store(found, std::memory_order_release);
  }
  return reinterpret_cast<Function*>(found);
}

}  // namespace

// Defined under a name of our own and exported under the C library's, whose declarations differ
// from system to system.
#define NET_EXPORT extern "C" __attribute__((visibility("default")))
#define NET_CAUGHT(name) \
  if (thread_state.inside) record(#name, 0, __builtin_return_address(0))

#define NET_WATCH(result, name, parameters, arguments)     \
  NET_EXPORT result net_##name parameters __asm__(#name);  \
  result net_##name parameters {                           \
    static constinit std::atomic<void*> kept{nullptr};     \
    NET_CAUGHT(name);                                      \
    const Passing passing;                                 \
    return next<result parameters>(kept, #name) arguments; \
  }

// Memory. Straight to glibc's own, since looking a name up may allocate. `operator new` and every
// library's own allocations end here too.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
}

#define NET_MEMORY(name, parameters, call)               \
  NET_EXPORT void* net_##name parameters __asm__(#name); \
  void* net_##name parameters {                          \
    NET_CAUGHT(name);                                    \
    const Passing passing;                               \
    return call;                                         \
  }

NET_MEMORY(malloc, (std::size_t size), __libc_malloc(size))
NET_MEMORY(calloc, (std::size_t count, std::size_t size), __libc_calloc(count, size))
NET_MEMORY(realloc, (void* memory, std::size_t size), __libc_realloc(memory, size))
NET_MEMORY(memalign, (std::size_t alignment, std::size_t size), __libc_memalign(alignment, size))
NET_MEMORY(aligned_alloc, (std::size_t alignment, std::size_t size),
           __libc_memalign(alignment, size))

NET_EXPORT void net_free(void* memory) __asm__("free");
void net_free(void* memory) {
  if (!memory) return;  // nothing is done, and nothing is wrong
  NET_CAUGHT(free);
  const Passing passing;
  __libc_free(memory);
}

NET_EXPORT int net_posix_memalign(void** memory, std::size_t alignment,
                                  std::size_t size) __asm__("posix_memalign");
int net_posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  NET_CAUGHT(posix_memalign);
  const Passing passing;
  constexpr int kNoMemory = 12;
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : kNoMemory;
}

NET_WATCH(void*, mmap, (void* at, std::size_t size, int protection, int flags, int file, long from),
          (at, size, protection, flags, file, from))
NET_WATCH(void*, mmap64,
          (void* at, std::size_t size, int protection, int flags, int file, long from),
          (at, size, protection, flags, file, from))
NET_WATCH(int, munmap, (void* at, std::size_t size), (at, size))
NET_WATCH(int, mprotect, (void* at, std::size_t size, int protection), (at, size, protection))
NET_WATCH(int, madvise, (void* at, std::size_t size, int advice), (at, size, advice))
NET_WATCH(int, brk, (void* end), (end))
NET_WATCH(void*, sbrk, (long by), (by))

// Locks and waiting. Trying is not waiting, but who tries has a lock that others wait for.
NET_WATCH(int, pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
NET_WATCH(int, pthread_mutex_trylock, (pthread_mutex_t * mutex), (mutex))
NET_WATCH(int, pthread_mutex_timedlock, (pthread_mutex_t * mutex, const timespec* until),
          (mutex, until))
NET_WATCH(int, pthread_mutex_clocklock, (pthread_mutex_t * mutex, int clock, const timespec* until),
          (mutex, clock, until))
NET_WATCH(int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
NET_WATCH(int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
NET_WATCH(int, pthread_rwlock_tryrdlock, (pthread_rwlock_t * lock), (lock))
NET_WATCH(int, pthread_rwlock_trywrlock, (pthread_rwlock_t * lock), (lock))
NET_WATCH(int, pthread_spin_lock, (pthread_spinlock_t * lock), (lock))
NET_WATCH(int, pthread_cond_wait, (pthread_cond_t * condition, pthread_mutex_t* mutex),
          (condition, mutex))
NET_WATCH(int, pthread_cond_timedwait,
          (pthread_cond_t * condition, pthread_mutex_t* mutex, const timespec* until),
          (condition, mutex, until))
NET_WATCH(int, pthread_cond_clockwait,
          (pthread_cond_t * condition, pthread_mutex_t* mutex, int clock, const timespec* until),
          (condition, mutex, clock, until))
NET_WATCH(int, pthread_cond_signal, (pthread_cond_t * condition), (condition))
NET_WATCH(int, pthread_cond_broadcast, (pthread_cond_t * condition), (condition))
NET_WATCH(int, pthread_barrier_wait, (pthread_barrier_t * barrier), (barrier))
NET_WATCH(int, pthread_create,
          (pthread_t * thread, const pthread_attr_t* attributes, void* (*body)(void*), void* with),
          (thread, attributes, body, with))
NET_WATCH(int, pthread_join, (pthread_t thread, void** result), (thread, result))
NET_WATCH(int, sem_wait, (sem_t * semaphore), (semaphore))
NET_WATCH(int, sem_trywait, (sem_t * semaphore), (semaphore))
NET_WATCH(int, sem_timedwait, (sem_t * semaphore, const timespec* until), (semaphore, until))
NET_WATCH(int, sem_clockwait, (sem_t * semaphore, int clock, const timespec* until),
          (semaphore, clock, until))
NET_WATCH(int, __cxa_guard_acquire, (long* guard), (guard))  // a function's static, made here

// The one call that is allowed, looked up before any audio runs: looking up allocates.
namespace {
constinit std::atomic<void*> kept_sem_post{nullptr};
__attribute__((constructor)) void find_sem_post() { next<int(sem_t*)>(kept_sem_post, "sem_post"); }
}  // namespace

NET_EXPORT int net_sem_post(sem_t* semaphore) __asm__("sem_post");
int net_sem_post(sem_t* semaphore) {
  if (thread_state.inside) count_wake();
  return next<int(sem_t*)>(kept_sem_post, "sem_post")(semaphore);
}

// Sleep.
NET_WATCH(int, nanosleep, (const timespec* time, timespec* left), (time, left))
NET_WATCH(int, clock_nanosleep, (int clock, int flags, const timespec* time, timespec* left),
          (clock, flags, time, left))
NET_WATCH(int, usleep, (unsigned int microseconds), (microseconds))
NET_WATCH(unsigned int, sleep, (unsigned int seconds), (seconds))
NET_WATCH(int, sched_yield, (), ())
NET_WATCH(int, poll, (pollfd * files, nfds_t count, int timeout), (files, count, timeout))
NET_WATCH(int, select, (int count, fd_set* in, fd_set* out, fd_set* bad, timeval* timeout),
          (count, in, out, bad, timeout))
NET_WATCH(int, epoll_wait, (int file, epoll_event* events, int most, int timeout),
          (file, events, most, timeout))

// Files and sockets.
NET_WATCH(int, open, (const char* path, int flags, unsigned int mode), (path, flags, mode))
NET_WATCH(int, open64, (const char* path, int flags, unsigned int mode), (path, flags, mode))
NET_WATCH(int, openat, (int at, const char* path, int flags, unsigned int mode),
          (at, path, flags, mode))
NET_WATCH(int, close, (int file), (file))
NET_WATCH(ssize_t, read, (int file, void* to, std::size_t size), (file, to, size))
NET_WATCH(ssize_t, write, (int file, const void* from, std::size_t size), (file, from, size))
NET_WATCH(ssize_t, readv, (int file, const iovec* to, int count), (file, to, count))
NET_WATCH(ssize_t, writev, (int file, const iovec* from, int count), (file, from, count))
NET_WATCH(ssize_t, pread, (int file, void* to, std::size_t size, long at), (file, to, size, at))
NET_WATCH(ssize_t, pwrite, (int file, const void* from, std::size_t size, long at),
          (file, from, size, at))
NET_WATCH(ssize_t, send, (int socket, const void* from, std::size_t size, int flags),
          (socket, from, size, flags))
NET_WATCH(ssize_t, recv, (int socket, void* to, std::size_t size, int flags),
          (socket, to, size, flags))
NET_WATCH(ssize_t, sendto,
          (int socket, const void* from, std::size_t size, int flags, const sockaddr* to,
           socklen_t length),
          (socket, from, size, flags, to, length))
NET_WATCH(std::FILE*, fopen, (const char* path, const char* mode), (path, mode))
NET_WATCH(std::FILE*, fopen64, (const char* path, const char* mode), (path, mode))
NET_WATCH(int, fclose, (std::FILE * file), (file))
NET_WATCH(int, fflush, (std::FILE * file), (file))
NET_WATCH(std::size_t, fread, (void* to, std::size_t size, std::size_t count, std::FILE* file),
          (to, size, count, file))
NET_WATCH(std::size_t, fwrite,
          (const void* from, std::size_t size, std::size_t count, std::FILE* file),
          (from, size, count, file))
NET_WATCH(void*, dlopen, (const char* path, int flags), (path, flags))

// The console.
NET_WATCH(int, puts, (const char* text), (text))
NET_WATCH(int, putchar, (int character), (character))
NET_WATCH(int, putc, (int character, std::FILE* file), (character, file))
NET_WATCH(int, fputc, (int character, std::FILE* file), (character, file))
NET_WATCH(int, fputs, (const char* text, std::FILE* file), (text, file))
NET_WATCH(void, perror, (const char* text), (text))
NET_WATCH(int, vprintf, (const char* format, std::va_list list), (format, list))
NET_WATCH(int, vfprintf, (std::FILE * file, const char* format, std::va_list list),
          (file, format, list))
NET_WATCH(int, vdprintf, (int file, const char* format, std::va_list list), (file, format, list))
NET_WATCH(void, vsyslog, (int priority, const char* format, std::va_list list),
          (priority, format, list))
NET_WATCH(int, __vfprintf_chk, (std::FILE * file, int flag, const char* format, std::va_list list),
          (file, flag, format, list))

#define NET_PRINT(name, parameters, last, print)       \
  NET_EXPORT int net_##name parameters __asm__(#name); \
  int net_##name parameters {                          \
    NET_CAUGHT(name);                                  \
    const Passing passing;                             \
    std::va_list list;                                 \
    va_start(list, last);                              \
    const int result = print;                          \
    va_end(list);                                      \
    return result;                                     \
  }

NET_PRINT(printf, (const char* format, ...), format, std::vfprintf(stdout, format, list))
NET_PRINT(__printf_chk, (int, const char* format, ...), format, std::vfprintf(stdout, format, list))
NET_PRINT(fprintf, (std::FILE * file, const char* format, ...), format,
          std::vfprintf(file, format, list))
NET_PRINT(__fprintf_chk, (std::FILE * file, int, const char* format, ...), format,
          std::vfprintf(file, format, list))
NET_PRINT(dprintf, (int file, const char* format, ...), format, vdprintf(file, format, list))
NET_PRINT(__dprintf_chk, (int file, int, const char* format, ...), format,
          vdprintf(file, format, list))

// Anything else by number: futex waits of std::atomic among them.
NET_WATCH(long, syscall, (long number, long a, long b, long c, long d, long e, long f),
          (number, a, b, c, d, e, f))
