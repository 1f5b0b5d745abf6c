// SPDX-License-Identifier: MIT
//
// MSP: what becomes of an object when signals are compiled, and its turn in the audio thread.
#include <atomic>
#include <chrono>
#include <cmath>

#include "host.hpp"

struct _dspchain {
  t_object* object = nullptr;
  double rate = 0;
  long vector_size = 0;
  std::vector<long> counts_in;
  std::vector<long> counts_out;
  std::vector<long> changed;  // what 'inputchanged' answered
  t_perfroutine64 perform = nullptr;
  void* user = nullptr;
  bool in_place = false;
  bool broken = false;
  // Every vector with a guard on both sides.
  std::vector<std::vector<double>> in;
  std::vector<std::vector<double>> out;
  std::vector<double*> ins;
  std::vector<double*> outs;
};

namespace max_host {
namespace {

constexpr long kGuard = 32;
constexpr double kUnwritten = -1.2345e30;

std::mutex chain_mutex;
std::map<const void*, std::unique_ptr<t_dspchain>> chain;
/// What a `dsp64` is given: only valid as long as it lasts.
t_object dsp64_object{nullptr, 0};
t_dspchain* compiling = nullptr;

std::atomic<bool> running{false};
std::thread runner;
long vectors = 0;

long sum(const std::vector<long>& counts) {
  long all = 0;
  for (const long count : counts) all += count;
  return all;
}

template <class Function>
Function untyped(const t_class* c, const char* name) {
  const auto found = c->methods.find(name);
  if (found == c->methods.end()) return nullptr;
  return reinterpret_cast<Function>(reinterpret_cast<void (*)()>(found->second.function));
}

void fill(std::vector<std::vector<double>>& rows, std::vector<double*>& pointers, long count,
          long frames) {
  rows.assign(static_cast<std::size_t>(count),
              std::vector<double>(static_cast<std::size_t>(frames + 2 * kGuard), kUnwritten));
  pointers.clear();
  for (auto& row : rows) pointers.push_back(row.data() + kGuard);
}

void check_guards(const t_dspchain& made) {
  for (const auto* rows : {&made.in, &made.out}) {
    for (const auto& row : *rows) {
      for (long i = 0; i < kGuard; ++i) {
        if (row[static_cast<std::size_t>(i)] != kUnwritten ||
            row[row.size() - 1 - static_cast<std::size_t>(i)] != kUnwritten) {
          refuse("perform64 wrote outside of a vector");
        }
      }
    }
  }
}

/// In the audio thread. The outputs hold what no object may leave there.
void perform(t_dspchain& made) {
  const auto frames = static_cast<std::size_t>(made.vector_size);
  if (!made.perform || reinterpret_cast<const t_pxobject*>(made.object)->z_disabled) {
    for (double* out : made.outs) std::fill_n(out, frames, 0.0);
    return;
  }
  for (double* out : made.outs) std::fill_n(out, frames, kUnwritten);
  std::vector<double*> outs = made.outs;
  if (made.in_place) {
    // Max gives such an object the same vector for both.
    for (std::size_t i = 0; i < std::min(made.ins.size(), outs.size()); ++i) outs[i] = made.ins[i];
  }
  const auto ins = made.ins;
  set_place(Place::kAudio);
  if (enter_net) enter_net();
  made.perform(made.object, &dsp64_object, const_cast<double**>(ins.data()),
               static_cast<long>(ins.size()), outs.data(), static_cast<long>(outs.size()),
               made.vector_size, 0, made.user);
  if (leave_net) leave_net();
  check_guards(made);
  for (const double* out : outs) {
    for (std::size_t i = 0; i < frames; ++i) {
      if (out[i] == kUnwritten) refuse("perform64 left an output unwritten");
    }
  }
}

t_dspchain& chain_of(t_object* object) {
  const auto found = chain.find(object);
  if (found == chain.end()) refuse("the object is not compiled");
  return *found->second;
}

}  // namespace

void (*enter_net)() = nullptr;
void (*leave_net)() = nullptr;

std::vector<long> compile(t_object* object, double rate, long vector_size,
                          const std::vector<long>& counts) {
  only_in_main("a compilation");
  auto& own = record(object, "a compilation");
  const t_class* const c = own.type;
  const auto* const px = reinterpret_cast<const t_pxobject*>(object);
  const bool multi = (px->z_misc & Z_MC_INLETS) != 0;
  if (static_cast<long>(counts.size()) != own.inlets) refuse("not a count for every inlet");

  auto made = std::make_unique<t_dspchain>();
  made->object = object;
  made->rate = rate;
  made->vector_size = vector_size;
  made->in_place = (px->z_misc & Z_NO_INPLACE) == 0;
  // Without the flag, an object is given the first channel.
  for (const long count : counts) made->counts_in.push_back(multi ? count : 1);
  if (auto* const changed = untyped<long (*)(t_object*, long, long)>(c, "inputchanged")) {
    for (std::size_t i = 0; i < counts.size(); ++i) {
      made->changed.push_back(changed(object, static_cast<long>(i), made->counts_in[i]));
    }
  }
  auto* const channels = untyped<long (*)(t_object*, long)>(c, "multichanneloutputs");
  long index = 0;
  for (const auto& outlet : own.outlets) {
    if (outlet->type.empty()) continue;
    long count = 1;
    if (outlet->type == "multichannelsignal") {
      if (!channels) refuse("a multichannelsignal outlet without 'multichanneloutputs'");
      count = channels(object, index);
      if (count < 1 || count > 1024)
        refuse("an outlet with " + std::to_string(count) + " channels");
    } else if (outlet->type != "signal") {
      refuse("an outlet of type '" + outlet->type + "'");
    }
    made->counts_out.push_back(count);
    ++index;
  }
  fill(made->in, made->ins, sum(made->counts_in), vector_size);
  fill(made->out, made->outs, sum(made->counts_out), vector_size);

  using Dsp = void (*)(t_object*, t_object*, short*, double, long, long);
  auto* const dsp = untyped<Dsp>(c, "dsp64");
  if (!dsp) refuse("'" + c->name + "' has no 'dsp64'");
  std::vector<short> connected(counts.size() + own.outlets.size(), 1);
  compiling = made.get();
  // What was compiled before goes on in the audio thread meanwhile.
  dsp(object, &dsp64_object, connected.data(), rate, vector_size, 0);
  compiling = nullptr;

  const auto answer = made->counts_out;
  const std::lock_guard lock(chain_mutex);
  chain[object] = std::move(made);
  return answer;
}

Rows run(t_object* object, const Rows& in, const std::function<void(long)>& after_each) {
  auto& made = chain_of(object);
  if (in.size() != made.ins.size()) refuse("not a row for every channel that comes in");
  const long frames = in.empty() ? 0 : static_cast<long>(in.front().size());
  Rows out(made.outs.size(), std::vector<double>(static_cast<std::size_t>(frames)));
  for (long done = 0; done + made.vector_size <= frames; done += made.vector_size) {
    audio().call([&] {
      for (std::size_t row = 0; row < in.size(); ++row) {
        std::copy_n(in[row].data() + done, made.vector_size, made.ins[row]);
      }
      perform(made);
      for (std::size_t row = 0; row < out.size(); ++row) {
        const double* const from =
            made.in_place && row < made.ins.size() ? made.ins[row] : made.outs[row];
        std::copy_n(from, made.vector_size, out[row].data() + done);
      }
    });
    after_each(done + made.vector_size);
  }
  return out;
}

void start(double seconds_per_vector) {
  if (running.exchange(true)) refuse("audio runs already");
  vectors = 0;
  runner = std::thread([seconds_per_vector] {
    double phase = 0;
    auto next = std::chrono::steady_clock::now();
    while (running) {
      {
        const std::lock_guard lock(chain_mutex);
        for (auto& [object, made] : chain) {
          for (double* in : made->ins) {
            for (long i = 0; i < made->vector_size; ++i) in[i] = 0.5 * std::sin(phase += 0.05);
          }
          perform(*made);
        }
      }
      ++vectors;
      next += std::chrono::duration_cast<std::chrono::steady_clock::duration>(
          std::chrono::duration<double>(seconds_per_vector));
      std::this_thread::sleep_until(next);
    }
  });
}

long stop() {
  if (!running.exchange(false)) refuse("audio does not run");
  runner.join();
  return vectors;
}

std::vector<long> changed_inputs(t_object* object) {
  const std::lock_guard lock(chain_mutex);
  return chain_of(object).changed;
}

bool broken(t_object* object) {
  const std::lock_guard lock(chain_mutex);
  return chain_of(object).broken;
}

void leave_chain(t_object* object) {
  const std::lock_guard lock(chain_mutex);
  chain.erase(object);
}

}  // namespace max_host

using namespace max_host;

extern "C" {

void z_dsp_setup(t_pxobject* x, long nsignals) {
  auto& own = record(x, "z_dsp_setup");
  if (!own.type->dsp) refuse("z_dsp_setup without class_dspinit");
  if (own.dsp_set_up) refuse("z_dsp_setup again");
  if (nsignals < 0 || nsignals > 32767) refuse("z_dsp_setup with a count of inlets out of range");
  own.dsp_set_up = true;
  own.inlets = nsignals;
  x->z_count = static_cast<short>(nsignals);
  x->z_misc = 0;
}

void z_dsp_free(t_pxobject* x) {
  only_in_main("z_dsp_free");
  auto& own = record(x, "z_dsp_free");
  if (!own.dsp_set_up || own.dsp_freed) refuse("z_dsp_free without z_dsp_setup, or again");
  own.dsp_freed = true;
  leave_chain(&x->z_ob);
}

void dsp_add64(t_object* dsp, t_object* x, t_perfroutine64 f, long, void* userparam) {
  only_in_main("dsp_add64");
  if (dsp != &dsp64_object || !compiling) refuse("dsp_add64 outside of 'dsp64'");
  if (compiling->object != x) refuse("dsp_add64 of another object");
  if (compiling->perform) refuse("dsp_add64 twice");
  compiling->perform = f;
  compiling->user = userparam;
}

void* object_method_imp(void* x, void* sym, void* p1, void* p2, void*, void*, void*, void*, void*,
                        void*) {
  only_in_main("object_method");
  const std::string name = static_cast<t_symbol*>(sym)->s_name;
  if (x != &dsp64_object || !compiling) refuse("object_method of something else than a dsp64");
  if (compiling->object != p1) refuse("'" + name + "' for another object");
  const auto index = reinterpret_cast<std::size_t>(p2);
  const auto* const counts = name == "getnuminputchannels"    ? &compiling->counts_in
                             : name == "getnumoutputchannels" ? &compiling->counts_out
                                                              : nullptr;
  if (!counts) refuse("a dsp64 has no '" + name + "'");
  if (index >= counts->size()) refuse("'" + name + "' of an index that is not there");
  return reinterpret_cast<void*>((*counts)[index]);
}

t_dspchain* dspchain_fromobject(t_object* o) {
  only_in_main("dspchain_fromobject");
  record(o, "dspchain_fromobject");
  const std::lock_guard lock(chain_mutex);
  const auto found = chain.find(o);
  return found == chain.end() ? nullptr : found->second.get();
}

void dspchain_setbroken(t_dspchain* c) {
  only_in_main("dspchain_setbroken");
  const std::lock_guard lock(chain_mutex);
  c->broken = true;
}

}  // extern "C"
