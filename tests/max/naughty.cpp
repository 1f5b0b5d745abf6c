// SPDX-License-Identifier: MIT
//
// An external that does, on demand, what Max doesn't allow: `naughty~ <deed>`. The test host has to
// refuse each.
#include <cstdlib>
#include <cstring>
#include <string>

#include "ext.h"
#include "z_dsp.h"

namespace {

struct Naughty {
  t_pxobject px;
  void* outlet;
  void* signal;
  t_clock* clock;
  t_symbol* deed;
};

t_class* naughty_class;

bool does(const Naughty* x, const char* deed) { return std::strcmp(x->deed->s_name, deed) == 0; }

template <class Function>
method as_method(Function function) {
  return reinterpret_cast<method>(reinterpret_cast<void (*)()>(function));
}

void perform(Naughty* x, t_object*, double**, long, double** outs, long, long frames, long, void*) {
  if (does(x, "outlet_in_audio")) outlet_anything(x->outlet, x->deed, 0, nullptr);
  if (does(x, "post_in_audio")) object_post(&x->px.z_ob, "hello");
  if (does(x, "symbol_in_audio")) gensym("hello");
  if (does(x, "unwritten")) return;
  for (long i = 0; i < frames; ++i) outs[0][i] = 0;
  if (does(x, "too_far")) outs[0][frames] = 0;
}

void on_dsp(Naughty* x, t_object* dsp64, short*, double, long, long) {
  if (does(x, "no_such_inlet")) {
    object_method(dsp64, gensym("getnuminputchannels"), x, reinterpret_cast<void*>(intptr_t{7}));
  }
  dsp_add64(dsp64, &x->px.z_ob, reinterpret_cast<t_perfroutine64>(perform), 0, nullptr);
  if (does(x, "added_twice")) {
    dsp_add64(dsp64, &x->px.z_ob, reinterpret_cast<t_perfroutine64>(perform), 0, nullptr);
  }
}

void on_bang(Naughty* x) {
  t_atom atom{};
  if (does(x, "untyped_atom")) outlet_anything(x->outlet, x->deed, 1, &atom);
  if (does(x, "message_to_signal")) outlet_anything(x->signal, x->deed, 0, nullptr);
  if (does(x, "clock_freed_twice")) {
    object_free(x->clock);
    object_free(x->clock);
  }
  if (does(x, "method_later")) class_addmethod(naughty_class, as_method(on_bang), "late", 0);
  if (does(x, "object_gone")) {
    t_object* const other = static_cast<t_object*>(object_alloc(naughty_class));
    z_dsp_setup(reinterpret_cast<t_pxobject*>(other), 1);
    reinterpret_cast<Naughty*>(other)->deed = x->deed;
    object_free(other);
    object_post(other, "hello");
  }
}

void destroy(Naughty* x) {
  if (!does(x, "dsp_not_freed")) z_dsp_free(&x->px);
  if (x->clock && !does(x, "clock_left")) object_free(x->clock);
}

void* create(t_symbol*, long, t_atom* argv) {
  auto* const x = static_cast<Naughty*>(object_alloc(naughty_class));
  x->deed = atom_getsym(argv);
  if (!does(x, "no_setup")) z_dsp_setup(&x->px, 1);
  x->px.z_misc |= Z_NO_INPLACE;
  x->outlet = outlet_new(x, nullptr);
  x->signal = outlet_new(x, "signal");
  x->clock = clock_new(x, as_method(on_bang));
  return x;
}

}  // namespace

void ext_main(void*) {
  naughty_class = class_new("naughty~", as_method(create), as_method(destroy),
                            static_cast<long>(sizeof(Naughty)), nullptr, A_GIMME, 0);
  class_addmethod(naughty_class, as_method(on_dsp), "dsp64", A_CANT, 0);
  class_addmethod(naughty_class, as_method(on_bang), "bang", 0);
  class_dspinit(naughty_class);
  class_register(gensym("box"), naughty_class);
}
