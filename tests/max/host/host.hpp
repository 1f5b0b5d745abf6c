// SPDX-License-Identifier: MIT
//
// A Max for tests: what the functions of max_api.h share. It keeps to what Max's documentation says
// an object may do, and ends the process, with a sentence, at a call that Max would refuse or that
// would bring it down.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "max_api.h"

namespace max_host {

using Json = nlohmann::json;

/// Says on stderr what was refused, and ends the process with status 70.
[[noreturn]] void refuse(const std::string& what);

// Threads
// ------------------------------------------------------------------------------------------

enum class Place { kElsewhere, kMain, kScheduler, kAudio };
Place place();
void set_place(Place here);
/// Refuses a call from the audio thread, or from a thread that is not Max's.
void not_in_audio(const char* function);
void only_in_main(const char* function);

/// A thread of Max's that does one thing at a time, for which the caller waits.
class Lane {
 public:
  explicit Lane(Place place);
  ~Lane();
  void call(const std::function<void()>& job);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void()>* job_ = nullptr;
  bool done_ = false;
  std::thread thread_;
};
Lane& scheduler();
Lane& audio();

/// Lets time pass: clocks fire in the scheduler's thread, then what is queued runs in main.
void pass(double milliseconds);
/// Runs what is queued for main.
void serve_queue();
/// As Max does, each before what waits; `low`: behind it.
void defer_call(const void* owner, bool low, std::function<void()> run);
void forget_deferred(const void* owner);
bool free_clock(void* x);       // false: it is no clock
bool free_reference(void* x);   // false: it is no reference to a buffer~
bool free_dictionary(void* x);  // false: it is no registered dictionary

// Classes and objects
// ------------------------------------------------------------------------------

using Types = std::vector<int>;

struct Method {
  method function;
  Types types;
};

struct Attribute {
  std::string type;
  method set;
  long offset;
  std::map<std::string, std::string> properties;  // label, style …
};

}  // namespace max_host

struct maxclass {
  std::string name;
  method create = nullptr;
  method destroy = nullptr;
  long size = 0;
  max_host::Types create_types;
  std::map<std::string, max_host::Method> methods;
  std::vector<std::pair<std::string, max_host::Attribute>> attributes;
  bool registered = false;
  bool dsp = false;

  max_host::Attribute* attribute(const std::string& called);
};

namespace max_host {

struct Outlet {
  t_object* owner;
  std::string type;  // "" for messages
};

struct Record {
  t_class* type = nullptr;
  std::string id;                                // of tests; empty: none yet
  std::vector<std::unique_ptr<Outlet>> outlets;  // from left to right
  long inlets = 0;                               // of signals
  bool dsp_set_up = false;
  bool dsp_freed = false;
  int clocks = 0;
  int qelems = 0;
  int references = 0;
};

t_class* find_class(const std::string& name);
const std::map<std::string, t_class*>& classes();
Record& record(const void* object, const char* function);
t_object* create(const std::string& type, const std::string& id, std::vector<t_atom> atoms);
t_object* find(const std::string& id);
std::vector<std::string> ids();
void destroy(t_object* object);
void send(t_object* object, const std::string& message, std::vector<t_atom> atoms);
void set_attribute(t_object* object, const std::string& name, std::vector<t_atom> atoms);
Json get_attribute(t_object* object, const std::string& name);
std::string assist(t_object* object, bool inlet, long index);

std::vector<t_atom> to_atoms(const Json& values);
Json to_json(const std::vector<t_atom>& atoms);

/// What objects have said since the last call: {"console": […], "outlets": […]}, each with the
/// thread in which it was said.
Json said();
void keep(Json what, const char* kind);

/// When something comes out of an outlet, a message is sent: once.
struct Cord {
  std::string from;
  std::size_t outlet;
  std::string to;
  std::string message;
  std::vector<t_atom> atoms;
};
void connect(const Cord& cord);

// Signals
// ------------------------------------------------------------------------------------------

/// Compiles one object; `counts` are the channels that come into each signal inlet. Answers with
/// the channels of each signal outlet.
std::vector<long> compile(t_object* object, double rate, long vector_size,
                          const std::vector<long>& counts);
/// Runs `frames` in the audio thread, in vectors of the size compiled for; rows of samples.
using Rows = std::vector<std::vector<double>>;
Rows run(t_object* object, const Rows& in, const std::function<void(long)>& after_each);
/// Audio goes on by itself, for all objects compiled, until `stop`; says how many vectors it was.
void start(double seconds_per_vector);
long stop();
/// What `inputchanged` answered at the last compilation, for each inlet.
std::vector<long> changed_inputs(t_object* object);
bool broken(t_object* object);  // asked for recompilation since it was last compiled
void leave_chain(t_object* object);
/// Where the net under the audio thread is preloaded (tests/cpp/support/net): around `perform64`.
extern void (*enter_net)();
extern void (*leave_net)();

// Things that a patcher holds
// ----------------------------------------------------------------------

void set_buffer(const std::string& name, long channels, double rate, std::vector<float> samples);
void free_buffer(const std::string& name);
void set_array(const std::string& name, std::vector<t_atom> atoms);
Json dictionary(const std::string& name);
void set_package(const std::string& name, const std::string& folder);
void clear_things();
void set_search_path(const std::vector<std::string>& folders);

}  // namespace max_host
