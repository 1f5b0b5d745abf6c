// SPDX-License-Identifier: MIT
//
// A host's audio thread for the tests: tells the preloaded net (tests/cpp/support/net) that what it
// calls is a plugin's own code, and answers that code without the test's Python.
#include <dlfcn.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace {

using Tell = void (*)();

Tell find(const char* function) {
  static const auto kNothing = [] {};
  auto* const found = reinterpret_cast<Tell>(dlsym(RTLD_DEFAULT, function));
  return found != nullptr ? found : kNothing;
}

/// While one lives, the net watches this thread. Both names are looked up before it does.
class Gate {
 public:
  Gate() : leave_(find("audio_thread_net_leave")) { find("audio_thread_net_enter")(); }
  ~Gate() { leave_(); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

 private:
  Tell leave_;
};

/// What a CLAP event list's context points at.
struct Events {
  std::uint32_t count;
  std::array<const void*, 64> events;
};

struct List {
  const Events* context;
};

// VST3's parameter lists, as a plugin gets them and as it fills them. One point for each parameter.

struct Queue;

/// The methods in the order of IParamValueQueue.
struct QueueTable {
  std::int32_t (*query)(Queue*, const char*, void**);
  std::uint32_t (*add_ref)(Queue*);
  std::uint32_t (*release)(Queue*);
  std::uint32_t (*id)(Queue*);
  std::int32_t (*points)(Queue*);
  std::int32_t (*point)(Queue*, std::int32_t, std::int32_t*, double*);
  std::int32_t (*add)(Queue*, std::int32_t, double, std::int32_t*);
};

struct Queue {
  const QueueTable* table;
  std::uint32_t parameter;
  double value;
};

constexpr QueueTable kQueueTable{
    .query = [](Queue*, const char*, void**) { return -1; },
    .add_ref = [](Queue*) { return 1U; },
    .release = [](Queue*) { return 1U; },
    .id = [](Queue* queue) { return queue->parameter; },
    .points = [](Queue*) { return 1; },
    .point =
        [](Queue* queue, std::int32_t, std::int32_t* offset, double* value) {
          *offset = 0;
          *value = queue->value;
          return 0;
        },
    .add =
        [](Queue* queue, std::int32_t, double value, std::int32_t* index) {
          queue->value = value;
          *index = 0;
          return 0;
        },
};

struct Changes;

/// The methods in the order of IParameterChanges.
struct ChangesTable {
  std::int32_t (*query)(Changes*, const char*, void**);
  std::uint32_t (*add_ref)(Changes*);
  std::uint32_t (*release)(Changes*);
  std::int32_t (*count)(Changes*);
  Queue* (*data)(Changes*, std::int32_t);
  Queue* (*add)(Changes*, const std::uint32_t*, std::int32_t*);
};

struct Changes {
  const ChangesTable* table;
  std::int32_t count;
  std::array<Queue, 128> queues;
};

constexpr ChangesTable kChangesTable{
    .query = [](Changes*, const char*, void**) { return -1; },
    .add_ref = [](Changes*) { return 1U; },
    .release = [](Changes*) { return 1U; },
    .count = [](Changes* changes) { return changes->count; },
    .data = [](Changes* changes,
               std::int32_t index) { return &changes->queues[static_cast<std::size_t>(index)]; },
    .add =
        [](Changes* changes, const std::uint32_t* parameter, std::int32_t* index) {
          *index = changes->count++;
          auto& queue = changes->queues.at(static_cast<std::size_t>(*index));
          queue = {.table = &kQueueTable, .parameter = *parameter, .value = 0.0};
          return &queue;
        },
};

Changes changes_given{.table = &kChangesTable, .count = 0, .queues = {}};
Changes changes_told{.table = &kChangesTable, .count = 0, .queues = {}};

}  // namespace

extern "C" {

std::uint32_t events_size(const List* list) { return list->context->count; }

const void* events_get(const List* list, std::uint32_t index) {
  return list->context->events.at(index);
}

bool events_push(const void* /*list*/, const void* /*event*/) { return true; }

/// What a plugin asks its host for, from whatever thread.
void request_nothing(const void* /*host*/) {}

/// A process call of two arguments: CLAP's, and a C++ object's.
std::int32_t gate_process(std::int32_t (*process)(void*, void*), void* plugin, void* data) {
  const Gate gate;
  return process(plugin, data);
}

/// LV2's.
void gate_run(void (*run)(void*, std::uint32_t), void* plugin, std::uint32_t frames) {
  const Gate gate;
  run(plugin, frames);
}

void* changes_in() { return &changes_given; }

void* changes_out() { return &changes_told; }

void changes_add(std::uint32_t parameter, double value) {
  std::int32_t index = 0;
  kChangesTable.add(&changes_given, &parameter, &index)->value = value;
}

void changes_clear() { changes_given.count = 0; }

/// One of those that the plugin told, and it is gone.
bool changes_take(std::uint32_t* parameter, double* value) {
  if (changes_told.count == 0) return false;
  const auto& queue = changes_told.queues.at(static_cast<std::size_t>(--changes_told.count));
  *parameter = queue.parameter;
  *value = queue.value;
  return true;
}
}
