// SPDX-License-Identifier: MIT
//
// The class `nn~` as Pd sees it: C functions that pass on to an Object, and keep exceptions in.
#include <m_pd.h>

#include <exception>

#include "host.hpp"
#include "object.hpp"

using nnbridge::pd::Object;

namespace {

struct NnTilde {
  t_object pd;
  t_float scalar;  // where Pd puts a number sent to the signal inlet
  Object* object;
};

t_class* nn_class = nullptr;
t_class* nn_multichannel_class = nullptr;

template <class Use>
void guarded(NnTilde* x, Use use) noexcept {
  try {
    use(*x->object);
  } catch (const std::exception& error) {
    pd_error(x, "nn~: %s", error.what());
  }
}

void* create(t_symbol*, int argc, t_atom* argv) noexcept {
  NnTilde* x = nullptr;
  try {
    static bool introduced = false;
    if (!introduced) post("nn~ - nnbridge " NNBRIDGE_VERSION " - MIT licence");
    introduced = true;
    const auto arguments = Object::parse(argc, argv);
    const bool multichannel = arguments.multichannel && nn_multichannel_class;
    x = reinterpret_cast<NnTilde*>(pd_new(multichannel ? nn_multichannel_class : nn_class));
    x->object = new Object(&x->pd, arguments);
    return x;
  } catch (const std::exception& error) {
    pd_error(x, "nn~: %s", error.what());
    return nullptr;
  }
}

void destroy(NnTilde* x) { delete x->object; }

t_int* perform(t_int* words) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): how Pd hands over pointers
  auto* const x = reinterpret_cast<NnTilde*>(words[1]);
  x->object->perform(static_cast<int>(words[2]));
  return words + 3;
}

void dsp(NnTilde* x, t_signal** signals) {
  guarded(x, [&](Object& object) {
    object.dsp(signals);
    dsp_add(perform, 2, x, static_cast<t_int>(signals[0]->s_n));
  });
}

template <void (Object::*Method)()>
void on_word(NnTilde* x) {
  guarded(x, [](Object& object) { (object.*Method)(); });
}

template <void (Object::*Method)(t_float)>
void on_number(NnTilde* x, t_floatarg number) {
  guarded(x, [&](Object& object) { (object.*Method)(static_cast<t_float>(number)); });
}

template <void (Object::*Method)(const std::string&)>
void on_symbol(NnTilde* x, t_symbol* symbol) {
  guarded(x, [&](Object& object) { (object.*Method)(symbol->s_name); });
}

template <void (Object::*Method)(int, const t_atom*)>
void on_list(NnTilde* x, t_symbol*, int argc, t_atom* argv) {
  guarded(x, [&](Object& object) { (object.*Method)(argc, argv); });
}

template <class Function>
void add(t_class* c, Function function, const char* name, t_atomtype type) {
  class_addmethod(c, reinterpret_cast<t_method>(function), gensym(name), type, A_NULL);
}

t_class* make_class(t_newmethod creator, int flags) {
  auto* const c = class_new(gensym("nn~"), creator, reinterpret_cast<t_method>(destroy),
                            sizeof(NnTilde), flags, A_GIMME, A_NULL);
  CLASS_MAINSIGNALIN(c, NnTilde, scalar);
  add(c, dsp, "dsp", A_CANT);
  class_addbang(c, on_word<&Object::bang>);
  add(c, on_number<&Object::enable>, "enable", A_FLOAT);
  add(c, on_symbol<&Object::load>, "load", A_SYMBOL);
  add(c, on_symbol<&Object::method>, "method", A_SYMBOL);
  add(c, on_word<&Object::reload>, "reload", A_NULL);
  add(c, on_list<&Object::set>, "set", A_GIMME);
  add(c, on_number<&Object::bufsize>, "bufsize", A_FLOAT);
  add(c, on_number<&Object::gpu>, "gpu", A_FLOAT);
  add(c, on_symbol<&Object::get>, "get", A_SYMBOL);
  add(c, on_word<&Object::dump>, "dump", A_NULL);
  add(c, on_word<&Object::get_methods>, "get_methods", A_NULL);
  add(c, on_word<&Object::get_attributes>, "get_attributes", A_NULL);
  add(c, on_word<&Object::reset>, "reset", A_NULL);
  add(c, on_word<&Object::latency>, "latency", A_NULL);
  add(c, on_word<&Object::stats>, "stats", A_NULL);
  add(c, on_list<&Object::deadline>, "deadline", A_GIMME);
  add(c, on_symbol<&Object::late>, "late", A_SYMBOL);
  add(c, on_number<&Object::resample>, "resample", A_FLOAT);
  add(c, on_list<&Object::seed>, "seed", A_GIMME);
  add(c, on_number<&Object::track>, "track", A_FLOAT);
  add(c, on_number<&Object::compat>, "compat", A_FLOAT);
  for (const char* name : {"print_available_models", "download", "remove", "delete"}) {
    class_addmethod(c, reinterpret_cast<t_method>(+[](NnTilde* x, t_symbol*, int, t_atom*) {
                      guarded(x, [](Object& object) { object.no_downloads(); });
                    }),
                    gensym(name), A_GIMME, A_NULL);
  }
  return c;
}

}  // namespace

#if defined(_WIN32)
#define NNBRIDGE_PD_EXPORT __declspec(dllexport)
#else
#define NNBRIDGE_PD_EXPORT __attribute__((visibility("default")))
#endif

extern "C" NNBRIDGE_PD_EXPORT void nn_tilde_setup() {
  if (nnbridge::pd::has_multichannel()) {
    nn_multichannel_class = make_class(nullptr, nnbridge::pd::kMultichannelClass);
  }
  nn_class =
      make_class(reinterpret_cast<t_newmethod>(reinterpret_cast<t_method>(create)), CLASS_DEFAULT);
}
