// SPDX-License-Identifier: MIT
//
// Symbols, atoms, classes, attributes, objects, messages, outlets and the console.
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>

#include "host.hpp"

namespace max_host {
namespace {

constexpr t_ptr_int kAlive = 1758379419;

std::mutex symbols_mutex;
/// For ever, like Max's: objects keep pointers to them.
auto& symbols = *new std::map<std::string, t_symbol*>;

std::map<std::string, t_class*> all_classes;
std::mutex records_mutex;
std::map<const void*, Record> records;
std::map<std::string, t_object*> by_id;

std::mutex said_mutex;
Json console = Json::array();
Json sent = Json::array();

std::deque<Cord> cords;

/// What a patch does with what came out of an outlet, before the object goes on.
void pass_on(const std::string& id, std::size_t outlet) {
  const auto found = std::find_if(cords.begin(), cords.end(), [&](const Cord& cord) {
    return cord.from == id && cord.outlet == outlet;
  });
  if (found == cords.end()) return;
  const Cord cord = *found;
  cords.erase(found);
  send(find(cord.to), cord.message, cord.atoms);
}

struct AttributeObject {
  t_object head;
  std::string name;
  Attribute attribute;
};

std::vector<t_atom> copy(long argc, const t_atom* argv) { return {argv, argv + argc}; }

/// Max refuses a typed message whose atoms don't fit, with a line in its console.
bool fits(const Types& types, const std::vector<t_atom>& atoms) {
  for (std::size_t i = 0; i < types.size(); ++i) {
    const bool there = i < atoms.size();
    const int found = there ? atoms[i].a_type : static_cast<int>(A_NOTHING);
    const bool number = found == A_LONG || found == A_FLOAT;
    if ((types[i] == A_LONG || types[i] == A_FLOAT) && !number) return false;
    if (types[i] == A_SYM && found != A_SYM) return false;
    if ((types[i] == A_DEFLONG || types[i] == A_DEFFLOAT) && there && !number) return false;
    if (types[i] == A_DEFSYM && there && found != A_SYM) return false;
  }
  return atoms.size() <= types.size();
}

bool has(const Types& types, int type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

void call(t_object* object, const Method& how, const std::string& name, std::vector<t_atom> atoms) {
  using Listed = void (*)(t_object*, t_symbol*, long, t_atom*);
  if (has(how.types, A_CANT)) refuse("'" + name + "' is untyped: a patch cannot send it");
  if (has(how.types, A_GIMME) || has(how.types, A_DEFER) || has(how.types, A_DEFER_LOW)) {
    if (how.types.size() != 1) refuse("'" + name + "': A_GIMME and A_DEFER stand alone");
    auto run = [object, how, name, atoms]() mutable {
      reinterpret_cast<Listed>(reinterpret_cast<void (*)()>(how.function))(
          object, gensym(name.c_str()), static_cast<long>(atoms.size()), atoms.data());
    };
    const bool low = has(how.types, A_DEFER_LOW);
    if (has(how.types, A_GIMME) || (!low && place() == Place::kMain)) return run();
    return defer_call(object, low, run);
  }
  if (!fits(how.types, atoms)) {
    return keep({{"kind", "error"}, {"text", "bad arguments for message \"" + name + "\""}},
                "console");
  }
  if (!how.types.empty()) refuse("'" + name + "': the test host calls no typed arguments");
  reinterpret_cast<void (*)(t_object*)>(reinterpret_cast<void (*)()>(how.function))(object);
}

const std::map<std::string, std::size_t>& sizes() {
  static const std::map<std::string, std::size_t> known{
      {"char", sizeof(char)}, {"atom_long", sizeof(t_atom_long)}, {"symbol", sizeof(t_symbol*)}};
  return known;
}

}  // namespace

void refuse(const std::string& what) {
  std::fprintf(stderr, "max-host: refused: %s\n", what.c_str());
  std::fflush(nullptr);
  std::_Exit(70);
}

void keep(Json what, const char* kind) {
  if (!what.contains("thread")) what["thread"] = place() == Place::kMain ? "main" : "scheduler";
  const std::lock_guard lock(said_mutex);
  (std::string(kind) == "console" ? console : sent).push_back(std::move(what));
}

void connect(const Cord& cord) { cords.push_back(cord); }

Json said() {
  const std::lock_guard lock(said_mutex);
  Json all{{"console", console}, {"outlets", sent}};
  console = Json::array();
  sent = Json::array();
  return all;
}

Record& record(const void* object, const char* function) {
  const std::lock_guard lock(records_mutex);
  const auto found = records.find(object);
  if (found == records.end()) {
    refuse(std::string(function) + " of something that is no object, or no longer one");
  }
  return found->second;
}

t_class* find_class(const std::string& name) {
  const auto found = all_classes.find(name);
  return found == all_classes.end() ? nullptr : found->second;
}

const std::map<std::string, t_class*>& classes() { return all_classes; }

t_object* create(const std::string& type, const std::string& id, std::vector<t_atom> atoms) {
  only_in_main("object_new");
  t_class* const c = find_class(type);
  if (!c) refuse("there is no class '" + type + "'");
  if (c->create_types != Types{A_GIMME}) refuse("'" + type + "' is not made with A_GIMME");
  using Create = void* (*)(t_symbol*, long, t_atom*);
  auto* const made =
      static_cast<t_object*>(reinterpret_cast<Create>(reinterpret_cast<void (*)()>(c->create))(
          gensym(type.c_str()), static_cast<long>(atoms.size()), atoms.data()));
  if (!made) return nullptr;
  auto& fresh = record(made, "object_new");
  if (c->dsp && !fresh.dsp_set_up) refuse("'" + type + "' made an object without z_dsp_setup");
  fresh.id = id;
  by_id[id] = made;
  return made;
}

t_object* find(const std::string& id) {
  const auto found = by_id.find(id);
  return found == by_id.end() ? nullptr : found->second;
}

std::vector<std::string> ids() {
  std::vector<std::string> all;
  for (const auto& [id, object] : by_id) all.push_back(id);
  return all;
}

void destroy(t_object* object) {
  by_id.erase(record(object, "object_free").id);
  object_free(object);
}

void send(t_object* object, const std::string& message, std::vector<t_atom> atoms) {
  t_class* const c = record(object, "a message").type;
  if (c->dsp && message == "enable") {
    // MSP's own, by which mute~ and pcontrol reach an object; a patch can send it too.
    reinterpret_cast<t_pxobject*>(object)->z_disabled =
        !atoms.empty() && atom_getlong(atoms.data()) == 0 ? 1 : 0;
    return;
  }
  if (const auto found = c->methods.find(message); found != c->methods.end()) {
    return call(object, found->second, message, std::move(atoms));
  }
  if (c->attribute(message)) return set_attribute(object, message, std::move(atoms));
  if (const auto found = c->methods.find("anything"); found != c->methods.end()) {
    return call(object, found->second, message, std::move(atoms));
  }
  keep({{"kind", "error"}, {"text", c->name + ": doesn't understand \"" + message + "\""}},
       "console");
}

void set_attribute(t_object* object, const std::string& name, std::vector<t_atom> atoms) {
  t_class* const c = record(object, "an attribute").type;
  auto* const attribute = c->attribute(name);
  if (!attribute) {
    return keep({{"kind", "error"},
                 {"text", c->name + ": \"" + name + "\" is not a valid attribute argument"}},
                "console");
  }
  for (const auto& atom : atoms) {
    const bool symbol = atom.a_type == A_SYM;
    if (symbol != (attribute->type == "symbol")) {
      return keep({{"kind", "error"}, {"text", c->name + ": bad type for \"" + name + "\""}},
                  "console");
    }
  }
  if (attribute->set) {
    using Set = t_max_err (*)(t_object*, void*, long, t_atom*);
    reinterpret_cast<Set>(reinterpret_cast<void (*)()>(attribute->set))(
        object, attribute, static_cast<long>(atoms.size()), atoms.data());
    return;
  }
  char* const at = reinterpret_cast<char*>(object) + attribute->offset;
  if (atoms.empty()) return;
  if (attribute->type == "char") {
    *at = static_cast<char>(atom_getlong(atoms.data()));
  } else if (attribute->type == "atom_long") {
    *reinterpret_cast<t_atom_long*>(at) = atom_getlong(atoms.data());
  } else {
    *reinterpret_cast<t_symbol**>(at) = atom_getsym(atoms.data());
  }
}

Json get_attribute(t_object* object, const std::string& name) {
  auto* const attribute = record(object, "an attribute").type->attribute(name);
  if (!attribute) refuse("there is no attribute '" + name + "'");
  const char* const at = reinterpret_cast<char*>(object) + attribute->offset;
  if (attribute->type == "char") return static_cast<int>(*at);
  if (attribute->type == "atom_long") return *reinterpret_cast<const t_atom_long*>(at);
  const auto* const symbol = *reinterpret_cast<t_symbol* const*>(at);
  return symbol ? Json(symbol->s_name) : Json();
}

std::string assist(t_object* object, bool inlet, long index) {
  const auto& methods = record(object, "assist").type->methods;
  const auto found = methods.find("assist");
  if (found == methods.end()) refuse("there is no 'assist'");
  // Max gives 512 bytes, and shows what stands in them.
  std::vector<char> text(512 + 64, '\x7f');
  using Assist = void (*)(t_object*, void*, long, long, char*);
  reinterpret_cast<Assist>(reinterpret_cast<void (*)()>(found->second.function))(
      object, nullptr, inlet ? 1 : 2, index, text.data());
  const void* const end = std::memchr(text.data(), '\0', 512);
  if (!end) refuse("'assist' wrote no end of its text within 512 bytes");
  return text.data();
}

std::vector<t_atom> to_atoms(const Json& values) {
  std::vector<t_atom> atoms;
  for (const auto& value : values) {
    t_atom& atom = atoms.emplace_back();
    if (value.is_number_integer()) {
      atom_setlong(&atom, value.get<t_atom_long>());
    } else if (value.is_number()) {
      atom_setfloat(&atom, value.get<double>());
    } else {
      atom_setsym(&atom, gensym(value.get<std::string>().c_str()));
    }
  }
  return atoms;
}

Json to_json(const std::vector<t_atom>& atoms) {
  Json values = Json::array();
  for (const auto& atom : atoms) {
    switch (atom.a_type) {
      case A_LONG:
        values.push_back(atom.a_w.w_long);
        break;
      case A_FLOAT:
        values.push_back(atom.a_w.w_float);
        break;
      case A_SYM:
        values.push_back(atom.a_w.w_sym->s_name);
        break;
      default:
        refuse("an atom of type " + std::to_string(atom.a_type) + " was sent");
    }
  }
  return values;
}

}  // namespace max_host

using namespace max_host;

max_host::Attribute* maxclass::attribute(const std::string& called) {
  for (auto& [own, found] : attributes) {
    if (own == called) return &found;
  }
  return nullptr;
}

extern "C" {

t_symbol* gensym(const char* s) {
  not_in_audio("gensym");
  const std::lock_guard lock(symbols_mutex);
  auto& symbol = symbols[s];
  if (!symbol) symbol = new t_symbol{strdup(s), nullptr};
  return symbol;
}

t_max_err atom_setlong(t_atom* a, t_atom_long b) {
  a->a_type = A_LONG;
  a->a_w.w_long = b;
  return MAX_ERR_NONE;
}

t_max_err atom_setfloat(t_atom* a, double b) {
  a->a_type = A_FLOAT;
  a->a_w.w_float = b;
  return MAX_ERR_NONE;
}

t_max_err atom_setsym(t_atom* a, t_symbol* b) {
  if (!b) refuse("atom_setsym without a symbol");
  a->a_type = A_SYM;
  a->a_w.w_sym = b;
  return MAX_ERR_NONE;
}

t_atom_long atom_getlong(const t_atom* a) {
  if (a->a_type == A_FLOAT) return static_cast<t_atom_long>(a->a_w.w_float);
  return a->a_type == A_LONG ? a->a_w.w_long : 0;
}

t_atom_float atom_getfloat(const t_atom* a) {
  if (a->a_type == A_LONG) return static_cast<t_atom_float>(a->a_w.w_long);
  return a->a_type == A_FLOAT ? a->a_w.w_float : 0;
}

t_symbol* atom_getsym(const t_atom* a) { return a->a_type == A_SYM ? a->a_w.w_sym : gensym(""); }

t_class* class_new(const char* name, const method mnew, const method mfree, long size,
                   const method mmenu, short type, ...) {
  only_in_main("class_new");
  if (find_class(name)) refuse("class_new of '" + std::string(name) + "' for the second time");
  if (mmenu) refuse("class_new: the menu function is not used any more");
  if (size < static_cast<long>(sizeof(t_object))) refuse("class_new: too small for an object");
  auto* const c = new t_class;
  c->name = name;
  c->create = mnew;
  c->destroy = mfree;
  c->size = size;
  std::va_list more;
  va_start(more, type);
  for (int next = type; next != 0; next = va_arg(more, int)) c->create_types.push_back(next);
  va_end(more);
  all_classes[name] = c;
  return c;
}

t_max_err class_addmethod(t_class* c, const method m, const char* name, ...) {
  if (c->registered) refuse("class_addmethod after class_register");
  if (!m) refuse("class_addmethod without a function");
  if (c->methods.count(name)) refuse("class_addmethod of '" + std::string(name) + "' again");
  Types types;
  std::va_list more;
  va_start(more, name);
  for (int next = va_arg(more, int); next != 0; next = va_arg(more, int)) types.push_back(next);
  va_end(more);
  if (types.size() > 7) refuse("'" + std::string(name) + "' takes more than 7 typed arguments");
  c->methods[name] = {m, types};
  return MAX_ERR_NONE;
}

t_object* attr_offset_new(const char* name, const t_symbol* type, long flags, const method mget,
                          const method mset, long offset) {
  if (!sizes().count(type->s_name)) refuse("attribute type '" + std::string(type->s_name) + "'");
  if (flags != 0 || mget) refuse("attr_offset_new: the test host knows no flags and no getter");
  auto* const made = new AttributeObject{{nullptr, kAlive}, name, {type->s_name, mset, offset, {}}};
  return &made->head;
}

t_max_err class_addattr(t_class* c, t_object* attr) {
  if (c->registered) refuse("class_addattr after class_register");
  auto* const made = reinterpret_cast<AttributeObject*>(attr);
  if (made->head.o_magic != kAlive) refuse("class_addattr of something that is no attribute");
  const auto end = made->attribute.offset + static_cast<long>(sizes().at(made->attribute.type));
  if (end > c->size) refuse("attribute '" + made->name + "' lies outside of its object");
  if (c->attribute(made->name)) refuse("attribute '" + made->name + "' again");
  c->attributes.emplace_back(made->name, made->attribute);
  delete made;
  return MAX_ERR_NONE;
}

t_max_err class_attr_addattr_parse(t_class* c, const char* attrname, const char* attrname2,
                                   t_symbol*, long, const char* parsestr) {
  auto* const attribute = c->attribute(attrname);
  if (!attribute) refuse("class_attr_addattr_parse: no attribute '" + std::string(attrname) + "'");
  attribute->properties[attrname2] = parsestr;
  return MAX_ERR_NONE;
}

void class_dspinit(t_class* c) {
  if (c->registered) refuse("class_dspinit after class_register");
  // What MSP adds, and warns not to bind anything else to.
  for (const char* own : {"signal", "userconnect", "nsiginlets", "enable"}) {
    if (c->methods.count(own)) refuse("'" + std::string(own) + "' belongs to MSP");
  }
  c->dsp = true;
}

t_max_err class_register(t_symbol* name_space, t_class* c) {
  only_in_main("class_register");
  if (std::string(name_space->s_name) != "box") refuse("class_register: not as a box");
  if (c->registered) refuse("class_register of '" + c->name + "' again");
  if (c->methods.count("dsp64") && !c->dsp) refuse("'dsp64' without class_dspinit");
  for (const char* untyped : {"dsp64", "assist", "notify", "multichanneloutputs", "inputchanged"}) {
    const auto found = c->methods.find(untyped);
    if (found != c->methods.end() && found->second.types != Types{A_CANT}) {
      refuse("'" + std::string(untyped) + "' is to be A_CANT");
    }
  }
  for (const char* argumentless : {"bang"}) {
    const auto found = c->methods.find(argumentless);
    if (found != c->methods.end() && !found->second.types.empty()) {
      refuse("'bang' comes without arguments");
    }
  }
  c->registered = true;
  return MAX_ERR_NONE;
}

void* object_alloc(t_class* c) {
  only_in_main("object_alloc");
  if (!c || !c->registered) refuse("object_alloc of a class that is not registered");
  auto* const made = static_cast<t_object*>(std::calloc(1, static_cast<std::size_t>(c->size)));
  made->o_class = c;
  made->o_magic = kAlive;
  const std::lock_guard lock(records_mutex);
  records[made].type = c;
  return made;
}

t_max_err object_free(void* x) {
  only_in_main("object_free");
  if (!x) return MAX_ERR_NONE;
  if (free_clock(x) || free_reference(x) || free_dictionary(x)) return MAX_ERR_NONE;
  auto& freed = record(x, "object_free");
  t_class* const c = freed.type;
  if (c->destroy) {
    reinterpret_cast<void (*)(void*)>(reinterpret_cast<void (*)()>(c->destroy))(x);
  }
  if (freed.dsp_set_up && !freed.dsp_freed) refuse(c->name + " was freed without z_dsp_free");
  if (freed.clocks) refuse(c->name + " was freed, and a clock of it was not");
  if (freed.qelems) refuse(c->name + " was freed, and a queue element of it was not");
  if (freed.references) refuse(c->name + " was freed, and a buffer reference of it was not");
  forget_deferred(x);
  {
    const std::lock_guard lock(records_mutex);
    records.erase(x);
  }
  std::memset(x, 0xdd, static_cast<std::size_t>(c->size));
  std::free(x);
  return MAX_ERR_NONE;
}

long attr_args_offset(short ac, t_atom* av) {
  for (short i = 0; i < ac; ++i) {
    if (av[i].a_type == A_SYM && av[i].a_w.w_sym->s_name[0] == '@') return i;
  }
  return ac;
}

void attr_args_process(void* x, short ac, t_atom* av) {
  auto* const object = static_cast<t_object*>(x);
  short at = static_cast<short>(attr_args_offset(ac, av));
  while (at < ac) {
    const std::string name = av[at].a_w.w_sym->s_name + 1;
    const auto end =
        static_cast<short>(at + 1 + attr_args_offset(static_cast<short>(ac - at - 1), av + at + 1));
    set_attribute(object, name, copy(end - at - 1, av + at + 1));
    at = end;
  }
}

t_max_err object_attr_touch(t_object* x, t_symbol* attrname) {
  if (!record(x, "object_attr_touch").type->attribute(attrname->s_name)) {
    return MAX_ERR_GENERIC;
  }
  return MAX_ERR_NONE;
}

void object_post(t_object* x, const char* s, ...) {
  not_in_audio("object_post");
  if (x) record(x, "object_post");
  std::vector<char> text(4096);
  std::va_list more;
  va_start(more, s);
  std::vsnprintf(text.data(), text.size(), s, more);
  va_end(more);
  keep({{"kind", "post"}, {"text", text.data()}}, "console");
}

void object_error(t_object* x, const char* s, ...) {
  not_in_audio("object_error");
  if (x) record(x, "object_error");
  std::vector<char> text(4096);
  std::va_list more;
  va_start(more, s);
  std::vsnprintf(text.data(), text.size(), s, more);
  va_end(more);
  keep({{"kind", "error"}, {"text", text.data()}}, "console");
}

void* outlet_new(void* x, const char* s) {
  auto& owner = record(x, "outlet_new");
  if (!owner.id.empty()) refuse("outlet_new after the object was made");
  // From right to left.
  owner.outlets.insert(owner.outlets.begin(),
                       std::make_unique<Outlet>(Outlet{static_cast<t_object*>(x), s ? s : ""}));
  return owner.outlets.front().get();
}

void* outlet_anything(t_outlet* x, t_symbol* s, short ac, t_atom* av) {
  not_in_audio("outlet_anything");
  auto* const outlet = static_cast<Outlet*>(x);
  auto& owner = record(outlet->owner, "outlet_anything");
  if (!outlet->type.empty()) refuse("a message out of an outlet for " + outlet->type);
  for (std::size_t i = 0; i < owner.outlets.size(); ++i) {
    if (owner.outlets[i].get() != outlet) continue;
    keep(
        {{"id", owner.id}, {"outlet", i}, {"message", s->s_name}, {"atoms", to_json(copy(ac, av))}},
        "outlets");
    pass_on(owner.id, i);
    return nullptr;
  }
  refuse("outlet_anything of an outlet that is gone");
}

}  // extern "C"
