// SPDX-License-Identifier: MIT
//
// The signal classes as Max sees them: C functions that pass on to an Object, and keep exceptions
// in. Messages are deferred to the main thread (A_DEFER), the clock of the scheduler only wakes a
// queue element there, and DSP is compiled there: so an Object knows main and audio alone.
#include "classes.hpp"

// clang-format off
#include "ext_obex.h"
#include "z_dsp.h"
// clang-format on

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <new>

namespace nnbridge::max {
namespace {

constexpr long kTickMilliseconds = 20;
constexpr std::size_t kAssistBytes = 256;  // Max's own room for an assist string is 512

/// Max keeps functions of every kind under one type. `void (*)()` is what compilers let pass for
/// any.
template <class Function>
method as_method(Function function) {
  return reinterpret_cast<method>(reinterpret_cast<void (*)()>(function));
}

struct Box {
  t_pxobject px;
  Object* object;
  t_clock* clock;
  void* queue;
  char enable;
  char gpu;
  char track_buffers;
  t_atom_long chans;
};

t_class* classes[3];

template <class Use>
void guarded(Box* x, Use use) noexcept {
  try {
    if (x->object) use(*x->object);
  } catch (const std::exception& error) {
    object_error(&x->px.z_ob, "%s", error.what());
  }
}

void on_message(Box* x, t_symbol* name, long argc, t_atom* argv) {
  guarded(x, [&](Object& object) { object.message(name->s_name, to_words(argc, argv)); });
}

void on_unknown(Box* x, t_symbol* name, long, t_atom*) {
  guarded(x, [&](Object& object) {
    object.complain("no corresponding method for " + std::string(name->s_name));
  });
}

void on_clock(Box* x) {
  qelem_set(static_cast<t_qelem*>(x->queue));
  clock_delay(x->clock, kTickMilliseconds);
}

void on_queue(Box* x) {
  guarded(x, [&](Object& object) {
    object.poll();
    // The chain is compiled anew, and asks for the channels again.
    if (!object.wants_compiling()) return;
    if (auto* const chain = dspchain_fromobject(&x->px.z_ob)) dspchain_setbroken(chain);
  });
}

void on_assist(Box* x, void*, long where, long index, char* text) {
  guarded(x, [&](Object& object) {
    const auto said =
        object.assist(where == 1, static_cast<int>(index)).substr(0, kAssistBytes - 1);
    std::memcpy(text, said.c_str(), said.size() + 1);
  });
}

std::vector<int> counts_of(Box* x, t_object* dsp64) {
  std::vector<int> counts;
  for (int inlet = 0; inlet < x->object->inlets(); ++inlet) {
    const auto count = reinterpret_cast<t_ptr_int>(object_method(
        dsp64, gensym("getnuminputchannels"), x, reinterpret_cast<void*>(std::intptr_t{inlet})));
    counts.push_back(std::max(1, static_cast<int>(count)));
  }
  return counts;
}

void perform(Box* x, t_object*, double** ins, long in_count, double** outs, long out_count,
             long frames, long, void*) noexcept {
  x->object->perform(ins, static_cast<int>(in_count), outs, static_cast<int>(out_count),
                     static_cast<int>(frames));
}

template <Layout layout>
void on_dsp(Box* x, t_object* dsp64, short*, double rate, long vector_size, long) {
  guarded(x, [&](Object& object) {
    std::vector<int> counts(static_cast<std::size_t>(object.inlets()), 1);
    if (layout != Layout::kSingle) counts = counts_of(x, dsp64);
    object.compile(rate, static_cast<int>(vector_size), counts);
    dsp_add64(dsp64, &x->px.z_ob, reinterpret_cast<t_perfroutine64>(perform), 0, nullptr);
  });
}

long channels_out(Box* x, long outlet) {
  long count = 1;
  guarded(x, [&](Object& object) {
    // Before the first compilation nothing is known of what comes in.
    count = object.channels_out(static_cast<int>(outlet), object.counts_in());
  });
  return count;
}

/// Whether the outlets' channels change with an inlet's.
long on_input_changed(Box* x, long inlet, long count) {
  long changed = 0;
  guarded(x, [&](Object& object) {
    const int before = object.channels_out(0, object.counts_in());
    object.set_count_in(static_cast<int>(inlet), static_cast<int>(count));
    changed = before != object.channels_out(0, object.counts_in()) ? 1 : 0;
  });
  return changed;
}

bool truth(long argc, t_atom* argv) { return argc > 0 && atom_getlong(argv) != 0; }

t_max_err set_enable(Box* x, void*, long argc, t_atom* argv) {
  x->enable = truth(argc, argv) ? 1 : 0;
  guarded(x, [&](Object& object) { object.enable(x->enable != 0); });
  return 0;
}

t_max_err set_gpu(Box* x, void*, long argc, t_atom* argv) {
  x->gpu = truth(argc, argv) ? 1 : 0;
  guarded(x, [&](Object& object) { object.gpu(x->gpu != 0); });
  return 0;
}

t_max_err set_track_buffers(Box* x, void*, long argc, t_atom* argv) {
  x->track_buffers = truth(argc, argv) ? 1 : 0;
  guarded(x, [&](Object& object) { object.track_buffers(x->track_buffers != 0); });
  return 0;
}

t_max_err set_chans(Box* x, void*, long argc, t_atom* argv) {
  x->chans = std::clamp<t_atom_long>(argc > 0 ? atom_getlong(argv) : 0, 0, 1024);
  guarded(x, [&](Object& object) { object.chans(static_cast<int>(x->chans)); });
  return 0;
}

void destroy(Box* x) {
  z_dsp_free(&x->px);  // first: from here on no `perform`
  if (x->clock) object_free(x->clock);
  if (x->queue) qelem_free(static_cast<t_qelem*>(x->queue));
  delete x->object;
}

template <Layout layout>
void* create(t_symbol*, long argc, t_atom* argv) {
  auto* const x = static_cast<Box*>(object_alloc(classes[static_cast<int>(layout)]));
  if (!x) return nullptr;
  x->object = nullptr;
  x->clock = nullptr;
  x->queue = nullptr;
  x->enable = 1;
  try {
    const long words = attr_args_offset(static_cast<short>(argc), argv);
    x->object = new Object(&x->px.z_ob, layout, Object::parse(layout, to_words(words, argv)));
  } catch (const std::exception& error) {
    object_error(&x->px.z_ob, "%s", error.what());
  }
  z_dsp_setup(&x->px, x->object ? x->object->inlets() : 1);
  x->px.z_misc |= Z_NO_INPLACE;
  if (layout != Layout::kSingle) x->px.z_misc |= Z_MC_INLETS;
  // Max makes outlets from right to left.
  void* const info = outlet_new(x, nullptr);
  for (int i = x->object ? x->object->outlets() : 1; i > 0; --i) {
    outlet_new(x, layout == Layout::kSingle ? "signal" : "multichannelsignal");
  }
  if (x->object) x->object->set_info_outlet(info);
  attr_args_process(x, static_cast<short>(argc), argv);
  x->queue = qelem_new(x, as_method(on_queue));
  x->clock = clock_new(x, as_method(on_clock));
  clock_delay(x->clock, kTickMilliseconds);
  return x;
}

template <Layout layout>
void define() {
  t_class* const c = class_new(name_of(layout), as_method(create<layout>), as_method(destroy),
                               static_cast<long>(sizeof(Box)), nullptr, A_GIMME, 0);
  class_addmethod(c, as_method(on_dsp<layout>), "dsp64", A_CANT, 0);
  class_addmethod(c, as_method(on_assist), "assist", A_CANT, 0);
  for (const char* name : Object::message_names()) {
    class_addmethod(c, as_method(on_message), name, A_DEFER, 0);
  }
  class_addmethod(c, as_method(on_unknown), "anything", A_DEFER, 0);
  const auto attribute = [&](const char* name, const char* type, auto setter, std::size_t offset) {
    class_addattr(c, attr_offset_new(name, gensym(type), 0, nullptr, as_method(setter),
                                     static_cast<long>(offset)));
  };
  attribute("enable", "char", set_enable, offsetof(Box, enable));
  attribute("gpu", "char", set_gpu, offsetof(Box, gpu));
  attribute("track_buffers", "char", set_track_buffers, offsetof(Box, track_buffers));
  if (layout != Layout::kSingle) {
    class_addmethod(c, as_method(channels_out), "multichanneloutputs", A_CANT, 0);
    class_addmethod(c, as_method(on_input_changed), "inputchanged", A_CANT, 0);
    attribute("chans", "atom_long", set_chans, offsetof(Box, chans));
  }
  class_dspinit(c);
  class_register(gensym("box"), c);
  classes[static_cast<int>(layout)] = c;
}

}  // namespace

void define_class(Layout layout) {
  switch (layout) {
    case Layout::kSingle:
      return define<Layout::kSingle>();
    case Layout::kBatches:
      return define<Layout::kBatches>();
    case Layout::kItems:
      return define<Layout::kItems>();
  }
}

}  // namespace nnbridge::max
