// SPDX-License-Identifier: MIT
//
// Max's three threads, clocks, and the queue of the main thread.
#include <algorithm>
#include <deque>

#include "host.hpp"

namespace max_host {
namespace {

thread_local Place here = Place::kElsewhere;

struct Clock {
  t_object* owner;
  method function;
  double due = -1;  // milliseconds; negative: not set
};
struct Element {
  t_object* owner;
  method function;
  bool set = false;
};
struct Deferred {
  const void* owner;
  std::function<void()> run;
};

std::mutex mutex;
double now = 0;
std::map<const void*, std::unique_ptr<Clock>> clocks;
std::map<const void*, std::unique_ptr<Element>> elements;
std::deque<Deferred> deferred;

void run_function(method function, t_object* owner) {
  reinterpret_cast<void (*)(t_object*)>(reinterpret_cast<void (*)()>(function))(owner);
}

Clock& clock_of(const void* x, const char* function) {
  const auto found = clocks.find(x);
  if (found == clocks.end()) refuse(std::string(function) + " of a clock that is not there");
  return *found->second;
}

std::function<void()> call_of(void* ob, method fn, t_symbol* sym, short argc, t_atom* argv) {
  record(ob, "a deferred call");
  using Deferring = void (*)(void*, t_symbol*, short, t_atom*);
  const auto function = reinterpret_cast<Deferring>(reinterpret_cast<void (*)()>(fn));
  return [=, atoms = std::vector<t_atom>(argv, argv + argc)]() mutable {
    function(ob, sym, argc, atoms.data());
  };
}

Element& element_of(const void* x, const char* function) {
  const auto found = elements.find(x);
  if (found == elements.end()) refuse(std::string(function) + " of an element that is not there");
  return *found->second;
}

/// The next clock that is due; unset, for it fires once.
std::optional<Clock> next_due() {
  const std::lock_guard lock(mutex);
  Clock* first = nullptr;
  for (auto& [address, clock] : clocks) {
    if (clock->due < 0 || clock->due > now) continue;
    if (!first || clock->due < first->due) first = clock.get();
  }
  if (!first) return std::nullopt;
  first->due = -1;
  return *first;
}

}  // namespace

Place place() { return here; }
void set_place(Place place) { here = place; }

void not_in_audio(const char* function) {
  if (here == Place::kAudio) refuse(std::string(function) + " in the audio thread");
  if (here == Place::kElsewhere) refuse(std::string(function) + " in a thread that isn't Max's");
}

void only_in_main(const char* function) {
  if (here != Place::kMain) refuse(std::string(function) + " outside of the main thread");
}

Lane::Lane(Place place) {
  thread_ = std::thread([this, place] {
    set_place(place);
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return job_ || done_; });
      if (done_) return;
      (*job_)();
      job_ = nullptr;
      changed_.notify_all();
    }
  });
}

Lane::~Lane() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Lane::call(const std::function<void()>& job) {
  std::unique_lock lock(mutex_);
  job_ = &job;
  changed_.notify_all();
  changed_.wait(lock, [&] { return !job_; });
}

Lane& scheduler() {
  static Lane lane(Place::kScheduler);
  return lane;
}

Lane& audio() {
  static Lane lane(Place::kAudio);
  return lane;
}

void pass(double milliseconds) {
  only_in_main("time");
  const double end = now + milliseconds;
  constexpr double kStep = 1;
  while (now < end) {
    {
      const std::lock_guard lock(mutex);
      now = std::min(now + kStep, end);
    }
    while (const auto due = next_due()) {
      scheduler().call([&] { run_function(due->function, due->owner); });
    }
    serve_queue();
  }
}

void serve_queue() {
  only_in_main("the queue");
  while (true) {
    std::function<void()> run;
    {
      const std::lock_guard lock(mutex);
      if (!deferred.empty()) {
        run = std::move(deferred.front().run);
        deferred.pop_front();
      } else {
        for (auto& [address, element] : elements) {
          if (!element->set) continue;
          element->set = false;
          run = [copy = *element] { run_function(copy.function, copy.owner); };
          break;
        }
      }
    }
    if (!run) return;
    run();
  }
}

void defer_call(const void* owner, bool low, std::function<void()> run) {
  const std::lock_guard lock(mutex);
  if (low) {
    deferred.push_back({owner, std::move(run)});
  } else {
    deferred.push_front({owner, std::move(run)});
  }
}

void forget_deferred(const void* owner) {
  const std::lock_guard lock(mutex);
  std::erase_if(deferred, [&](const Deferred& one) { return one.owner == owner; });
}

bool free_clock(void* x) {
  const std::lock_guard lock(mutex);
  const auto found = clocks.find(x);
  if (found == clocks.end()) return false;
  --record(found->second->owner, "object_free of a clock").clocks;
  clocks.erase(found);
  return true;
}

}  // namespace max_host

using namespace max_host;

extern "C" {

t_clock* clock_new(void* obj, method fn) {
  not_in_audio("clock_new");
  ++record(obj, "clock_new").clocks;
  auto made = std::make_unique<Clock>(Clock{static_cast<t_object*>(obj), fn});
  auto* const address = made.get();
  const std::lock_guard lock(mutex);
  clocks[address] = std::move(made);
  return address;
}

void clock_delay(t_clock* x, long n) {
  const std::lock_guard lock(mutex);
  clock_of(x, "clock_delay").due = now + static_cast<double>(std::max(n, 0L));
}

void clock_unset(t_clock* x) {
  const std::lock_guard lock(mutex);
  clock_of(x, "clock_unset").due = -1;
}

t_qelem* qelem_new(void* obj, method fn) {
  only_in_main("qelem_new");
  ++record(obj, "qelem_new").qelems;
  auto made = std::make_unique<Element>(Element{static_cast<t_object*>(obj), fn});
  auto* const address = made.get();
  const std::lock_guard lock(mutex);
  elements[address] = std::move(made);
  return address;
}

void qelem_set(t_qelem* x) {
  const std::lock_guard lock(mutex);
  element_of(x, "qelem_set").set = true;
}

void qelem_free(t_qelem* x) {
  only_in_main("qelem_free");
  const std::lock_guard lock(mutex);
  --record(element_of(x, "qelem_free").owner, "qelem_free").qelems;
  elements.erase(x);
}

void* defer(void* ob, method fn, t_symbol* sym, short argc, t_atom* argv) {
  not_in_audio("defer");
  const auto run = call_of(ob, fn, sym, argc, argv);
  if (place() == Place::kMain) {
    run();
  } else {
    defer_call(ob, false, run);
  }
  return nullptr;
}

void* defer_low(void* ob, method fn, t_symbol* sym, short argc, t_atom* argv) {
  not_in_audio("defer_low");
  defer_call(ob, true, call_of(ob, fn, sym, argc, argv));
  return nullptr;
}

short systhread_ismainthread(void) { return place() == Place::kMain ? 1 : 0; }

}  // extern "C"
