// SPDX-License-Identifier: MIT
// The audio thread under a net (support/net): while `process` runs, nothing that could wait, and no
// system call but the one that wakes the worker.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "support/net/audio_thread_net.hpp"
#include "support/player.hpp"

namespace nnbridge {
namespace {

using namespace test;

std::string caught() {
  std::string text;
  for (int i = 0; i < audio_thread_net_violations(); ++i) {
    text +=
        std::string(audio_thread_net_violation(i)) + " from " + audio_thread_net_caller(i) + "\n";
  }
  return text;
}

/// Buffers made beforehand, so that only `process` is under the net.
class Caller {
 public:
  Caller(int rows_in, int rows_out, int frames)
      : in_(noise(rows_in, frames)), out_(silence(rows_out, frames)) {
    for (const auto& row : in_) from_.push_back(row.data());
    for (auto& row : out_) to_.push_back(row.data());
  }

  void call(Stream& stream, int frames) {
    audio_thread_net_enter();
    stream.process(from_.data(), static_cast<int>(from_.size()), to_.data(),
                   static_cast<int>(to_.size()), frames);
    audio_thread_net_leave();
  }

 private:
  Signal in_;
  Signal out_;
  std::vector<const float*> from_;
  std::vector<float*> to_;
};

void settle(Stream& stream) {
  while (stream.stats().pending > 0) std::this_thread::yield();
}

constexpr int kBlock = 512;

class AudioThread : public testing::TestWithParam<LatePolicy> {
 protected:
  void SetUp() override { audio_thread_net_reset(); }
  void TearDown() override {
    EXPECT_EQ(caught(), "");
    EXPECT_GT(audio_thread_net_passages(), 0);
  }
  static StreamConfig config(int host_block = kBlock) {
    auto made = realtime(host_block);
    made.late = GetParam();
    return made;
  }
};

TEST_P(AudioThread, OnlyWakesTheWorkerFromTheFirstBlockOn) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(config());
  Caller caller(1, 1, kBlock);
  for (int i = 0; i < 50; ++i) {
    caller.call(*stream, kBlock);
    settle(*stream);
  }
  EXPECT_EQ(stream->stats().blocks, 50);
  EXPECT_GT(audio_thread_net_wakes(), 0);
  EXPECT_LE(audio_thread_net_wakes(), 50) << "once a call at most";
}

TEST_P(AudioThread, IsCleanAtEverySizeOfCall) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(config());
  Caller caller(1, 1, 8 * kBlock);
  for (const int frames : {0, 1, 64, 479, 512, 513, 8 * kBlock}) {
    for (int i = 0; i < 20; ++i) caller.call(*stream, frames);
    settle(*stream);
  }
}

TEST_P(AudioThread, IsCleanBeforeDuringAndAfterALateBlock) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(config(64));
  Caller caller(1, 1, 64);
  for (const int stuck : {10, 30, 300}) {
    fixture.knobs().close_gate();
    for (int i = 0; i < stuck; ++i) caller.call(*stream, 64);
    fixture.knobs().open_gate();
    settle(*stream);
    for (int i = 0; i < 30; ++i) {
      caller.call(*stream, 64);
      settle(*stream);
    }
  }
  EXPECT_GT(stream->stats().late, 20);
}

TEST_P(AudioThread, IsCleanWhenTheModelFails) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(config());
  Caller caller(1, 1, kBlock);
  for (int i = 0; i < 40; ++i) {
    if (i % 4 == 0) fixture.knobs().fail_next(1);
    if (i % 4 == 2) fixture.knobs().nan_next(1);
    caller.call(*stream, kBlock);
    settle(*stream);
  }
  EXPECT_EQ(stream->stats().failed, 20);
}

TEST_P(AudioThread, IsCleanWithResamplingBatchesAndChannels) {
  auto spec = stub::spec();
  spec.sample_rate = 44100;
  spec.methods = {stub::method("forward", 2, 3)};
  Fixture fixture(spec);
  auto asked = config();
  asked.sample_rate = 48000;
  asked.batch = 4;
  const auto stream = fixture.stream(asked);
  for (const auto& [rows_in, rows_out] : {std::pair(8, 12), std::pair(1, 20), std::pair(9, 2)}) {
    Caller caller(rows_in, rows_out, kBlock);
    for (int i = 0; i < 30; ++i) {
      caller.call(*stream, kBlock);
      settle(*stream);
    }
  }
}

TEST_P(AudioThread, IsCleanWhileAttributesChange) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(config(64));
  std::atomic<bool> done{false};
  std::atomic<int> answered{0};
  std::thread control([&] {
    while (!done.load()) {
      auto set = stream->set("gain", {0.5});
      auto refused = stream->set("refuses", {0.5});
      auto got = stream->get("name");
      auto reset = stream->reset_model();
      set.get();
      refused.get();
      got.get();
      reset.get();
      (void)stream->stats();
      ++answered;
    }
  });
  Caller caller(1, 1, 64);
  // Until both have had their turn, whatever else the machine does.
  for (int i = 0; i < 2000 || answered.load() < 50; ++i) caller.call(*stream, 64);
  done.store(true);
  control.join();
}

TEST_P(AudioThread, IsCleanWhileModelsAreSwapped) {
  Fixture first(stub::spec());
  auto spec = stub::spec();
  spec.methods = {stub::method("forward", 2, 2)};
  Fixture second(spec);
  const auto stream = first.stream(config(64));
  std::atomic<bool> done{false};
  std::atomic<int> swaps{0};
  std::thread control([&] {
    while (!done.load()) {
      EXPECT_TRUE(stream->swap(swaps.load() % 2 == 0 ? second.model : first.model, config(64)));
      while (!stream->settled() && !done.load()) std::this_thread::yield();
      ++swaps;
    }
  });
  Caller caller(2, 2, 64);
  for (int i = 0; i < 2000 || swaps.load() < 20; ++i) caller.call(*stream, 64);
  done.store(true);
  control.join();
}

INSTANTIATE_TEST_SUITE_P(Policy, AudioThread,
                         testing::Values(LatePolicy::kSilence, LatePolicy::kDry),
                         [](const testing::TestParamInfo<LatePolicy>& test) {
                           return test.param == LatePolicy::kDry ? "dry" : "silence";
                         });

// What the net is worth: each of these must be caught.

struct Planted {
  const char* name;    // what is planted
  const char* caught;  // under which name it is caught
  std::function<void()> act;
};

std::mutex mutex;
std::shared_mutex shared_mutex;
std::atomic<int> waited_for{0};
sem_t* semaphore() {
  static sem_t* const made = [] {
    auto* fresh = new sem_t;
    sem_init(fresh, 0, 1000);
    return fresh;
  }();
  return made;
}
std::vector<float>* kept = nullptr;
void* memory = nullptr;
volatile std::size_t size = 100;
int file = -1;
std::FILE* stream_of_file = nullptr;

struct Late {
  Late() { made = true; }
  ~Late() { made = false; }
  volatile bool made = false;
};

const std::vector<Planted>& planted() {
  static const std::vector<Planted> all{
      {"new", "malloc", [] { kept = new std::vector<float>(size); }},
      {"delete", "free", [] { delete kept; }},
      {"malloc", "malloc", [] { memory = std::malloc(size); }},
      {"realloc", "realloc", [] { memory = std::realloc(memory, 2 * size); }},
      {"free", "free", [] { std::free(memory); }},
      {"calloc", "calloc", [] { memory = std::calloc(size, size); }},
      {"free_again", "free", [] { std::free(memory); }},
      {"aligned_new", "aligned_alloc", [] { memory = ::operator new(size, std::align_val_t(64)); }},
      {"aligned_delete", "free", [] { ::operator delete(memory, std::align_val_t(64)); }},
      {"posix_memalign", "posix_memalign", [] { EXPECT_EQ(posix_memalign(&memory, 64, size), 0); }},
      {"free_aligned", "free", [] { std::free(memory); }},
      {"strdup", "malloc", [] { std::free(strdup("text")); }},
      {"throw", "malloc",
       [] {
         try {
           throw 1;
         } catch (int) {
         }
       }},
      {"function_static", "__cxa_guard_acquire", [] { static Late late; }},
      {"mutex", "pthread_mutex_lock", [] { const std::lock_guard lock(mutex); }},
      {"try_lock", "pthread_mutex_trylock",
       [] {
         if (mutex.try_lock()) mutex.unlock();
       }},
      {"shared_lock", "pthread_rwlock_rdlock", [] { const std::shared_lock lock(shared_mutex); }},
      {"exclusive_lock", "pthread_rwlock_wrlock", [] { const std::lock_guard lock(shared_mutex); }},
      {"notify", "pthread_cond_signal",
       [] {
         static constinit pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
         pthread_cond_signal(&condition);
       }},
      {"semaphore", "sem_wait", [] { sem_wait(semaphore()); }},
      {"semaphore_try", "sem_trywait", [] { sem_trywait(semaphore()); }},
      {"atomic_wait", "syscall",
       [] {
         // Comes back at once, but only after asking the system.
         timespec none{0, 1};
         syscall(SYS_futex, &waited_for, FUTEX_WAIT, 0, &none);
       }},
      {"printf", "printf", [] { std::printf("planted %d\n", static_cast<int>(size)); }},
      {"puts", "puts", [] { std::puts("planted"); }},
      {"fprintf", "fprintf", [] { std::fprintf(stderr, "planted %d\n", static_cast<int>(size)); }},
      {"cout", "fwrite", [] { std::cout << "planted" << std::endl; }},
      {"cerr", "fwrite", [] { std::cerr << "planted\n"; }},
      {"fopen", "fopen", [] { stream_of_file = std::fopen("/dev/null", "w"); }},
      {"fwrite", "fwrite", [] { std::fwrite("x", 1, 1, stream_of_file); }},
      {"fflush", "fflush", [] { std::fflush(stream_of_file); }},
      {"fclose", "fclose", [] { std::fclose(stream_of_file); }},
      {"ofstream", "fopen64", [] { std::ofstream("/dev/null") << "planted"; }},
      {"open", "open", [] { file = open("/dev/zero", O_RDWR); }},
      {"write", "write", [] { EXPECT_EQ(write(file, "x", 1), 1); }},
      {"read", "read",
       [] {
         char byte = 1;
         EXPECT_EQ(read(file, &byte, 1), 1);
       }},
      {"close", "close", [] { close(file); }},
      {"mmap", "mmap",
       [] { memory = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }},
      {"munmap", "munmap", [] { munmap(memory, 4096); }},
      {"sleep_for", "clock_nanosleep",
       [] { std::this_thread::sleep_for(std::chrono::nanoseconds(1)); }},
      {"usleep", "usleep", [] { usleep(1); }},
      {"yield", "sched_yield", [] { std::this_thread::yield(); }},
      {"thread", "pthread_create", [] { std::thread([] {}).join(); }},
  };
  return all;
}

class TheNet : public testing::TestWithParam<std::size_t> {};

TEST_P(TheNet, Catches) {
  const auto& what = planted()[GetParam()];
  // What an earlier one left must be there, when this one runs alone.
  for (std::size_t i = 0; i < GetParam(); ++i) planted()[i].act();
  audio_thread_net_reset();
  audio_thread_net_enter();
  what.act();
  audio_thread_net_leave();
  const std::string all = "\n" + caught();
  // glibc reaches sleep_for's call through either of two names.
  const bool found =
      all.find("\n" + std::string(what.caught) + " from") != std::string::npos ||
      (what.name == std::string("sleep_for") && all.find("\nnanosleep from") != std::string::npos);
  EXPECT_TRUE(found) << what.name << " was caught as: " << all;
  audio_thread_net_reset();
}

INSTANTIATE_TEST_SUITE_P(Planted, TheNet, testing::Range(std::size_t{0}, planted().size()),
                         [](const testing::TestParamInfo<std::size_t>& test) {
                           return std::string(planted()[test.param].name);
                         });

TEST(TheNetItself, CatchesSystemCallsThatHaveNoName) {
#if defined(__x86_64__)
  if (!audio_thread_net_sees_system_calls()) {
    GTEST_SKIP() << "this kernel has no syscall user dispatch";
  }
  audio_thread_net_reset();
  long result = 0;
  audio_thread_net_enter();
  __asm__ volatile("syscall" : "=a"(result) : "a"(39L) : "rcx", "r11", "memory");
  audio_thread_net_leave();
  EXPECT_EQ(result, getpid()) << "and makes them all the same";
  ASSERT_EQ(audio_thread_net_violations(), 1);
  EXPECT_STREQ(audio_thread_net_violation(0), "system call 39");
  audio_thread_net_reset();
#else
  GTEST_SKIP() << "by number, system calls are seen on x86-64 only";
#endif
}

TEST(TheNetItself, LeavesOtherThreadsAlone) {
  audio_thread_net_reset();
  std::atomic<int> step{0};
  std::thread other([&] {
    while (step.load() < 1) {
    }
    delete new std::vector<float>(size);
    std::puts("allowed");
    step.store(2);
  });
  audio_thread_net_enter();
  step.store(1);
  while (step.load() < 2) {
  }
  audio_thread_net_leave();
  other.join();
  EXPECT_EQ(caught(), "");
}

TEST(TheNetItself, AllowsAndCountsTheWakeAndReadingTheClock) {
  sem_t waited;
  sem_init(&waited, 0, 0);
  std::atomic<bool> woken{false};
  std::thread sleeper([&] {
    sem_wait(&waited);
    woken.store(true);
  });
  audio_thread_net_reset();
  audio_thread_net_enter();
  sem_post(&waited);
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  audio_thread_net_leave();
  sleeper.join();
  EXPECT_TRUE(woken.load());
  EXPECT_EQ(caught(), "");
  EXPECT_EQ(audio_thread_net_wakes(), 1);
}

TEST(TheNetItself, CatchesWhatAModelDoesInAnOfflineStream) {
  Fixture fixture(stub::spec());
  const auto stream = fixture.stream(offline(kBlock));
  Caller caller(1, 1, kBlock);
  audio_thread_net_reset();
  caller.call(*stream, kBlock);
  EXPECT_NE(caught(), "") << "it runs inside `process`, and the stub locks and allocates";
  audio_thread_net_reset();
}

}  // namespace
}  // namespace nnbridge
