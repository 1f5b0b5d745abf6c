// SPDX-License-Identifier: MIT
//
// Where Max enters nn.info, and its class: C functions that pass on to an Info, and keep exceptions
// in.
#include <cstddef>
#include <exception>

#include "glue.hpp"
#include "info.hpp"

namespace nnbridge::max {
namespace {

constexpr long kPollMilliseconds = 20;

struct Box {
  t_object head;
  Info* info;
  t_clock* clock;
  t_qelem* queue;
  t_symbol* dict;
};

t_class* info_class;

template <class Use>
void guarded(Box* x, Use use) noexcept {
  try {
    if (x->info) use(*x->info);
  } catch (const std::exception& error) {
    object_error(&x->head, "%s", error.what());
  }
}

void do_message(Box* x, t_symbol* name, short argc, t_atom* argv) {
  guarded(x, [&](Info& info) {
    info.bind(x->dict ? x->dict->s_name : "");
    info.message(name->s_name, to_words(argc, argv));
    clock_delay(x->clock, kPollMilliseconds);
  });
}

void on_message(Box* x, t_symbol* name, long argc, t_atom* argv) {
  in_main(x, do_message, name, argc, argv);
}

void on_bang(Box* x) { in_main(x, do_message, gensym("bang"), 0, nullptr); }

void do_unknown(Box* x, t_symbol* name, short, t_atom*) {
  object_error(&x->head, "nn.info: no corresponding method for %s", name->s_name);
}

void on_unknown(Box* x, t_symbol* name, long argc, t_atom* argv) {
  in_main(x, do_unknown, name, argc, argv);
}

t_max_err set_dict(Box* x, void*, long argc, t_atom* argv) {
  x->dict = argc > 0 ? atom_getsym(argv) : gensym("");
  return 0;
}

void on_assist(Box*, void*, long where, long index, char* text) {
  static constexpr std::array kOutlets{
      "(symbol) path of the model",      "(method <name>) one for each method",
      "(attribute <name>) one for each", "(<name> <what> <value>) parameters",
      "(dictionary <name>) all of it",   "(dictionary <name>) models to download: none"};
  static_assert(kOutlets.size() == Info::kOutlets);
  const bool known = index >= 0 && index < Info::kOutlets;
  write_assist(where == 1 || !known ? "messages" : kOutlets[static_cast<std::size_t>(index)], text);
}

void on_clock(Box* x) { qelem_set(x->queue); }

void on_queue(Box* x) {
  guarded(x, [&](Info& info) {
    if (info.poll()) clock_delay(x->clock, kPollMilliseconds);
  });
}

void destroy(Box* x) {
  if (x->clock) object_free(x->clock);
  if (x->queue) qelem_free(x->queue);
  delete x->info;
}

void* create(t_symbol*, long argc, t_atom* argv) {
  auto* const x = static_cast<Box*>(object_alloc(info_class));
  if (!x) return nullptr;
  x->queue = qelem_new(x, as_method(on_queue));
  x->clock = clock_new(x, as_method(on_clock));
  std::array<void*, Info::kOutlets> outlets{};
  for (auto at = outlets.rbegin(); at != outlets.rend(); ++at) *at = outlet_new(x, nullptr);
  attr_args_process(x, static_cast<short>(argc), argv);
  try {
    x->info = new Info(&x->head);
    for (int i = 0; i < Info::kOutlets; ++i) {
      x->info->set_outlet(i, outlets[static_cast<std::size_t>(i)]);
    }
  } catch (const std::exception& error) {
    object_error(&x->head, "%s", error.what());
  }
  if (attr_args_offset(static_cast<short>(argc), argv) > 0) on_message(x, gensym("set"), 1, argv);
  return x;
}

}  // namespace
}  // namespace nnbridge::max

void ext_main(void*) {
  using namespace nnbridge::max;
  object_post(nullptr, "nn.info - nnbridge " NNBRIDGE_VERSION " - MIT licence");
  t_class* const c = class_new("nn.info", as_method(create), as_method(destroy),
                               static_cast<long>(sizeof(Box)), nullptr, A_GIMME, 0);
  class_addmethod(c, as_method(on_assist), "assist", A_CANT, 0);
  class_addmethod(c, as_method(on_bang), "bang", 0);
  for (const char* name : Info::message_names()) {
    class_addmethod(c, as_method(on_message), name, A_GIMME, 0);
  }
  class_addmethod(c, as_method(on_unknown), "anything", A_GIMME, 0);
  add_attribute(c, "dict", "symbol", set_dict, static_cast<long>(offsetof(Box, dict)), nullptr,
                "\"Name of the dictionary\"");
  class_register(gensym("box"), c);
  info_class = c;
}
