// SPDX-License-Identifier: MIT
//
// [net_in~] and [net_out~]: put before and behind an object in a patch, they tell the preloaded net
// under the audio thread (tests/cpp/support/net) that what runs between them is that object.
#include <dlfcn.h>
#include <m_pd.h>

#include <cstring>

namespace {

struct Gate {
  t_object pd;
  t_float scalar;
  void (*tell)();
};

t_class* in_class = nullptr;
t_class* out_class = nullptr;

void* create(t_class* c, const char* function) {
  auto* const x = reinterpret_cast<Gate*>(pd_new(c));
  x->tell = reinterpret_cast<void (*)()>(dlsym(RTLD_DEFAULT, function));
  if (!x->tell) pd_error(x, "net_gate: the net is not preloaded");
  outlet_new(&x->pd, &s_signal);
  return x;
}

void* create_in() { return create(in_class, "audio_thread_net_enter"); }
void* create_out() { return create(out_class, "audio_thread_net_leave"); }

/// Leaving before anything else, entering after everything else.
t_int* perform(t_int* words) {
  auto* const x = reinterpret_cast<Gate*>(words[1]);
  const bool enters = reinterpret_cast<t_pd>(x->pd.ob_pd) == in_class;
  if (x->tell && !enters) x->tell();
  std::memmove(reinterpret_cast<t_sample*>(words[3]), reinterpret_cast<t_sample*>(words[2]),
               static_cast<std::size_t>(words[4]) * sizeof(t_sample));
  if (x->tell && enters) x->tell();
  return words + 5;
}

void dsp(Gate* x, t_signal** signals) {
  dsp_add(perform, 4, x, signals[0]->s_vec, signals[1]->s_vec, static_cast<t_int>(signals[0]->s_n));
}

t_class* make_class(const char* name, void* (*creator)()) {
  auto* const c = class_new(gensym(name), reinterpret_cast<t_newmethod>(creator), nullptr,
                            sizeof(Gate), CLASS_DEFAULT, A_NULL);
  CLASS_MAINSIGNALIN(c, Gate, scalar);
  class_addmethod(c, reinterpret_cast<t_method>(dsp), gensym("dsp"), A_CANT, A_NULL);
  return c;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void net_gate_setup() {
  in_class = make_class("net_in~", create_in);
  out_class = make_class("net_out~", create_out);
}
