// SPDX-License-Identifier: MIT
//
// The signal classes as Max sees them: C functions that pass on to an Object, and keep exceptions
// in. Messages are done in the main thread, attributes are stored and taken up there, the clock of
// the scheduler only wakes a queue element there, and signals are compiled there: so an Object
// knows main and audio alone.
#include "classes.hpp"

// clang-format off
#include "ext_systhread.h"
#include "z_dsp.h"
// clang-format on

#include <algorithm>
#include <cstddef>
#include <exception>

#include "glue.hpp"
#include "object.hpp"

namespace nnbridge::max {
namespace {

struct Box {
  t_pxobject px;
  Object* object;
  t_clock* clock;
  t_qelem* queue;
  t_qelem* attributes;  // apart: `poll` counts the clock's calls as time
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

// Messages
// -----------------------------------------------------------------------------------------

void do_message(Box* x, t_symbol* name, short argc, t_atom* argv) {
  guarded(x, [&](Object& object) { object.message(name->s_name, to_words(argc, argv)); });
}

void on_message(Box* x, t_symbol* name, long argc, t_atom* argv) {
  in_main(x, do_message, name, argc, argv);
}

/// Max calls a `bang` without words, whatever was declared.
void on_bang(Box* x) { in_main(x, do_message, gensym("bang"), 0, nullptr); }

void do_unknown(Box* x, t_symbol* name, short, t_atom*) {
  guarded(x, [&](Object& object) {
    object.complain("no corresponding method for " + std::string(name->s_name));
  });
}

void on_unknown(Box* x, t_symbol* name, long argc, t_atom* argv) {
  in_main(x, do_unknown, name, argc, argv);
}

t_max_err on_notify(Box* x, t_symbol* name, t_symbol* message, void* sender, void* data) {
  guarded(x, [&](Object& object) { object.notified(name, message, sender, data); });
  return 0;
}

void on_assist(Box* x, void*, long where, long index, char* text) {
  guarded(x, [&](Object& object) {
    write_assist(object.assist(where == 1, static_cast<int>(index)), text);
  });
}

// Attributes
// ---------------------------------------------------------------------------------------

void take_up_attributes(Box* x) {
  guarded(x, [&](Object& object) {
    object.enable(x->enable != 0);
    object.gpu(x->gpu != 0);
    object.track_buffers(x->track_buffers != 0);
    object.chans(static_cast<int>(x->chans));
  });
}

void attributes_changed(Box* x) {
  if (!x->object) return;  // it is being made, with the attributes that stand in its box
  if (systhread_ismainthread()) {
    take_up_attributes(x);
  } else {
    qelem_set(x->attributes);
  }
}

template <char Box::* Member>
t_max_err set_switch(Box* x, void*, long argc, t_atom* argv) {
  x->*Member = argc > 0 && atom_getlong(argv) != 0 ? 1 : 0;
  attributes_changed(x);
  return 0;
}

t_max_err set_chans(Box* x, void*, long argc, t_atom* argv) {
  constexpr t_atom_long kMost = 1024;  // channels of a signal
  x->chans = std::clamp<t_atom_long>(argc > 0 ? atom_getlong(argv) : 0, 0, kMost);
  attributes_changed(x);
  return 0;
}

// Time
// ---------------------------------------------------------------------------------------------

void on_clock(Box* x) {
  qelem_set(x->queue);
  clock_delay(x->clock, Object::kPollMilliseconds);
}

void on_queue(Box* x) {
  guarded(x, [&](Object& object) {
    if (!object.poll(x->px.z_disabled != 0)) return;
    // The chain is compiled anew, and asks for the channels again.
    if (auto* const chain = dspchain_fromobject(&x->px.z_ob)) dspchain_setbroken(chain);
  });
}

// Signals
// ------------------------------------------------------------------------------------------

int channels_of(Box* x, t_object* dsp64, const char* question, int index) {
  // A number goes to a method of Max, and comes back, in the place of a pointer.
  auto* const number =
      reinterpret_cast<void*>(t_ptr_int{index});  // NOLINT(performance-no-int-to-ptr)
  const auto answer =
      reinterpret_cast<t_ptr_int>(object_method(dsp64, gensym(question), x, number));
  return std::max(1, static_cast<int>(answer));
}

void perform(Box* x, t_object*, double** ins, long in_count, double** outs, long out_count,
             long frames, long, void* wiring) noexcept {
  x->object->perform(static_cast<Wiring*>(wiring), ins, static_cast<int>(in_count), outs,
                     static_cast<int>(out_count), static_cast<int>(frames));
}

template <Layout layout>
void on_dsp(Box* x, t_object* dsp64, short*, double rate, long vector_size, long) {
  guarded(x, [&](Object& object) {
    std::vector<int> counts(static_cast<std::size_t>(object.inlets()), 1);
    int channels = 1;
    if (layout != Layout::kSingle) {
      for (std::size_t i = 0; i < counts.size(); ++i) {
        counts[i] = channels_of(x, dsp64, "getnuminputchannels", static_cast<int>(i));
      }
      channels = channels_of(x, dsp64, "getnumoutputchannels", 0);
    }
    auto* const wiring = object.compile(rate, static_cast<int>(vector_size), counts, channels);
    dsp_add64(dsp64, &x->px.z_ob, reinterpret_cast<t_perfroutine64>(perform), 0, wiring);
  });
}

long on_channels_out(Box* x, long) {
  long count = 1;
  guarded(x, [&](Object& object) { count = object.channels_out(); });
  return count;
}

long on_input_changed(Box* x, long inlet, long count) {
  bool changed = false;
  guarded(x, [&](Object& object) {
    changed = object.set_count_in(static_cast<int>(inlet), static_cast<int>(count));
  });
  return changed ? 1 : 0;
}

// Life
// ---------------------------------------------------------------------------------------------

void destroy(Box* x) {
  z_dsp_free(&x->px);  // first: from here on no `perform`
  if (x->clock) object_free(x->clock);
  if (x->queue) qelem_free(x->queue);
  if (x->attributes) qelem_free(x->attributes);
  delete x->object;
}

/// Whether the object has come to be. Where its channels are not known it has not: Max then keeps
/// the box, and the cords to it.
template <Layout layout>
bool make(Box* x, long argc, t_atom* argv) {
  x->enable = 1;
  attr_args_process(x, static_cast<short>(argc), argv);
  const long words = attr_args_offset(static_cast<short>(argc), argv);
  const Attributes attributes{.enable = x->enable != 0,
                              .gpu = x->gpu != 0,
                              .track_buffers = x->track_buffers != 0,
                              .chans = static_cast<int>(x->chans)};
  x->object = new Object(&x->px.z_ob, layout, parse(layout, to_words(words, argv)), attributes);
  const auto opened = x->object->open();
  if (!opened) x->object->complain(opened.error().message);
  return opened.has_value();
}

template <Layout layout>
void* create(t_symbol*, long argc, t_atom* argv) {
  auto* const x = static_cast<Box*>(object_alloc(classes[static_cast<int>(layout)]));
  if (!x) return nullptr;
  bool made = false;
  try {
    made = make<layout>(x, argc, argv);
  } catch (const std::exception& error) {
    object_error(&x->px.z_ob, "%s", error.what());
  }
  z_dsp_setup(&x->px, made ? x->object->inlets() : 1);
  if (!made) {
    object_free(x);
    return nullptr;
  }
  x->px.z_misc |= Z_NO_INPLACE;
  if (layout != Layout::kSingle) x->px.z_misc |= Z_MC_INLETS;
  // Max makes outlets from right to left.
  x->object->set_info_outlet(outlet_new(x, nullptr));
  for (int i = x->object->outlets(); i > 0; --i) {
    outlet_new(x, layout == Layout::kSingle ? "signal" : "multichannelsignal");
  }
  x->queue = qelem_new(x, as_method(on_queue));
  x->attributes = qelem_new(x, as_method(take_up_attributes));
  x->clock = clock_new(x, as_method(on_clock));
  clock_delay(x->clock, Object::kPollMilliseconds);
  return x;
}

template <Layout layout>
void define() {
  t_class* const c = class_new(name_of(layout), as_method(create<layout>), as_method(destroy),
                               static_cast<long>(sizeof(Box)), nullptr, A_GIMME, 0);
  class_addmethod(c, as_method(on_dsp<layout>), "dsp64", A_CANT, 0);
  class_addmethod(c, as_method(on_assist), "assist", A_CANT, 0);
  class_addmethod(c, as_method(on_notify), "notify", A_CANT, 0);
  class_addmethod(c, as_method(on_bang), "bang", 0);
  for (const char* name : Object::message_names()) {
    class_addmethod(c, as_method(on_message), name, A_GIMME, 0);
  }
  class_addmethod(c, as_method(on_unknown), "anything", A_GIMME, 0);
  add_attribute(c, "enable", "char", set_switch<&Box::enable>,
                static_cast<long>(offsetof(Box, enable)), "onoff", "\"Play the model\"");
  add_attribute(c, "gpu", "char", set_switch<&Box::gpu>, static_cast<long>(offsetof(Box, gpu)),
                "onoff", "\"Run the model on the GPU\"");
  add_attribute(c, "track_buffers", "char", set_switch<&Box::track_buffers>,
                static_cast<long>(offsetof(Box, track_buffers)), "onoff",
                "\"Follow changes of buffer~ objects\"");
  if (layout != Layout::kSingle) {
    class_addmethod(c, as_method(on_channels_out), "multichanneloutputs", A_CANT, 0);
    class_addmethod(c, as_method(on_input_changed), "inputchanged", A_CANT, 0);
    add_attribute(c, "chans", "atom_long", set_chans, static_cast<long>(offsetof(Box, chans)),
                  nullptr, "\"Channels of each outlet\"");
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
