// SPDX-License-Identifier: MIT
//
// buffer~, array and dict objects, packages and the search path.
#include <cstring>
#include <filesystem>

#include "host.hpp"

struct _buffer_ref {
  t_object* owner;
  std::string name;
};

struct _atomarray {
  std::vector<t_atom> atoms;
  int retained = 0;
};

struct _dictionary {
  max_host::Json content = max_host::Json::object();
  max_host::Json told;  // what was in it when it last said that it was modified
  std::string name;
  int users = 0;
};

namespace max_host {
namespace {

struct Buffer {
  t_buffer_obj head{nullptr, 0};
  std::string name;
  long channels = 1;
  double rate = 44100;
  std::vector<float> samples;  // interleaved
  int locks = 0;
};

std::map<std::string, std::unique_ptr<Buffer>> buffers;
std::map<const void*, std::unique_ptr<t_buffer_ref>> references;
std::map<std::string, std::unique_ptr<t_atomarray>> arrays;
std::map<std::string, std::unique_ptr<t_dictionary>> dictionaries;  // registered ones
std::vector<std::string> folders{""};                               // by Max's path numbers
std::map<std::string, short> packages;
std::vector<short> search_path;

short path_of(const std::string& folder) {
  folders.push_back(folder);
  return static_cast<short>(folders.size() - 1);
}

Buffer& buffer_of(t_buffer_obj* object, const char* function) {
  only_in_main(function);
  for (auto& [name, buffer] : buffers) {
    if (&buffer->head == object) return *buffer;
  }
  refuse(std::string(function) + " of something that is no buffer~");
}

/// Other threads may change its size otherwise, between this call and the reading of samples.
const Buffer& locked(t_buffer_obj* object, const char* function) {
  const auto& buffer = buffer_of(object, function);
  if (!buffer.locks) refuse(std::string(function) + " of a buffer~ that is not locked");
  return buffer;
}

/// What a buffer~ sends to those who refer to it.
void notify(Buffer& buffer, const char* message) {
  std::vector<t_object*> owners;
  for (const auto& [address, reference] : references) {
    if (reference->name == buffer.name) owners.push_back(reference->owner);
  }
  for (t_object* owner : owners) {
    const auto& methods = record(owner, "a notification").type->methods;
    const auto found = methods.find("notify");
    if (found == methods.end()) continue;
    using Notify = t_max_err (*)(t_object*, t_symbol*, t_symbol*, void*, void*);
    reinterpret_cast<Notify>(reinterpret_cast<void (*)()>(found->second.function))(
        owner, gensym(buffer.name.c_str()), gensym(message), &buffer.head, nullptr);
  }
}

}  // namespace

void set_buffer(const std::string& name, long channels, double rate, std::vector<float> samples) {
  auto& buffer = buffers[name];
  const bool fresh = !buffer;
  if (fresh) buffer = std::make_unique<Buffer>();
  buffer->name = name;
  buffer->channels = channels;
  buffer->rate = rate;
  buffer->samples = std::move(samples);
  notify(*buffer, fresh ? "globalsymbol_binding" : "buffer_modified");
}

void free_buffer(const std::string& name) {
  if (const auto found = buffers.find(name); found != buffers.end()) {
    if (found->second->locks) refuse("buffer~ " + name + " is freed while it is locked");
    const auto gone = std::move(found->second);
    buffers.erase(found);
    notify(*gone, "globalsymbol_unbinding");
  }
}

void set_array(const std::string& name, std::vector<t_atom> atoms) {
  arrays[name] = std::make_unique<t_atomarray>(t_atomarray{std::move(atoms)});
}

Json dictionary(const std::string& name) {
  const auto found = dictionaries.find(name);
  return found == dictionaries.end() ? Json() : found->second->told;
}

void set_package(const std::string& name, const std::string& folder) {
  packages[name] = path_of(folder);
}

void clear_things() {
  while (!buffers.empty()) free_buffer(std::string(buffers.begin()->first));
  arrays.clear();
  packages.clear();
  search_path.clear();
}

void set_search_path(const std::vector<std::string>& all) {
  search_path.clear();
  for (const auto& folder : all) search_path.push_back(path_of(folder));
}

bool free_dictionary(void* x) {
  for (auto at = dictionaries.begin(); at != dictionaries.end(); ++at) {
    if (at->second.get() != x) continue;
    if (--at->second->users == 0) dictionaries.erase(at);
    return true;
  }
  return false;
}

bool free_reference(void* x) {
  const auto found = references.find(x);
  if (found == references.end()) return false;
  --record(found->second->owner, "object_free of a buffer reference").references;
  references.erase(found);
  return true;
}

}  // namespace max_host

using namespace max_host;

extern "C" {

t_buffer_ref* buffer_ref_new(t_object* self, t_symbol* name) {
  only_in_main("buffer_ref_new");
  ++record(self, "buffer_ref_new").references;
  auto made = std::make_unique<t_buffer_ref>(t_buffer_ref{self, name->s_name});
  auto* const address = made.get();
  references[address] = std::move(made);
  return address;
}

t_buffer_obj* buffer_ref_getobject(t_buffer_ref* x) {
  only_in_main("buffer_ref_getobject");
  if (!references.count(x)) refuse("buffer_ref_getobject of a reference that is gone");
  const auto found = buffers.find(x->name);
  return found == buffers.end() ? nullptr : &found->second->head;
}

t_max_err buffer_ref_notify(t_buffer_ref* x, t_symbol*, t_symbol*, void*, void*) {
  only_in_main("buffer_ref_notify");
  if (!references.count(x)) refuse("buffer_ref_notify of a reference that is gone");
  return MAX_ERR_NONE;
}

float* buffer_locksamples(t_buffer_obj* object) {
  auto& buffer = buffer_of(object, "buffer_locksamples");
  if (buffer.samples.empty()) return nullptr;
  ++buffer.locks;
  return buffer.samples.data();
}

void buffer_unlocksamples(t_buffer_obj* object) {
  if (--buffer_of(object, "buffer_unlocksamples").locks < 0) refuse("a buffer~ was not locked");
}

t_atom_long buffer_getchannelcount(t_buffer_obj* object) {
  return locked(object, "buffer_getchannelcount").channels;
}

t_atom_long buffer_getframecount(t_buffer_obj* object) {
  const auto& buffer = locked(object, "buffer_getframecount");
  return static_cast<t_atom_long>(buffer.samples.size()) / buffer.channels;
}

t_atom_float buffer_getsamplerate(t_buffer_obj* object) {
  return buffer_of(object, "buffer_getsamplerate").rate;
}

t_max_err atomarray_getatoms(t_atomarray* x, long* ac, t_atom** av) {
  if (x->retained <= 0) refuse("atomarray_getatoms of an array that is not retained");
  *ac = static_cast<long>(x->atoms.size());
  *av = x->atoms.data();
  return MAX_ERR_NONE;
}

/* Max 9 has these two; objects that are to load in older ones look them up. */
C74_EXPORT t_atomarray* arrayobj_findregistered_retain(t_symbol* name) {
  only_in_main("arrayobj_findregistered_retain");
  const auto found = arrays.find(name->s_name);
  if (found == arrays.end()) return nullptr;
  ++found->second->retained;
  return found->second.get();
}

C74_EXPORT t_max_err arrayobj_release(t_atomarray* x) {
  if (--x->retained < 0) refuse("arrayobj_release of an array that is not retained");
  return MAX_ERR_NONE;
}

t_dictionary* dictionary_new(void) {
  only_in_main("dictionary_new");
  return new t_dictionary;
}

t_max_err dictionary_clear(t_dictionary* d) {
  d->content = Json::object();
  return MAX_ERR_NONE;
}

t_max_err dictionary_appendlong(t_dictionary* d, t_symbol* key, t_atom_long value) {
  d->content[key->s_name] = value;
  return MAX_ERR_NONE;
}

t_max_err dictionary_appendatoms(t_dictionary* d, t_symbol* key, long argc, t_atom* argv) {
  d->content[key->s_name] = to_json({argv, argv + argc});
  return MAX_ERR_NONE;
}

t_max_err dictionary_appenddictionary(t_dictionary* d, t_symbol* key, t_object* value) {
  auto* const inner = reinterpret_cast<t_dictionary*>(value);
  if (!inner->name.empty()) refuse("a registered dictionary goes into another one");
  d->content[key->s_name] = inner->content;
  delete inner;  // it belongs to the outer one now
  return MAX_ERR_NONE;
}

t_dictionary* dictobj_register(t_dictionary* d, t_symbol** name) {
  only_in_main("dictobj_register");
  static int count = 0;
  if (!*name) *name = gensym(("u" + std::to_string(++count)).c_str());
  auto& held = dictionaries[(*name)->s_name];
  if (held) {
    // Max gives the one that bears the name already, and frees the new one.
    if (held.get() != d) delete d;
  } else {
    held.reset(d);
    held->name = (*name)->s_name;
  }
  ++held->users;
  return held.get();
}

t_max_err object_notify(void* x, t_symbol* s, void*) {
  only_in_main("object_notify");
  for (const auto& [name, held] : dictionaries) {
    if (held.get() != x) continue;
    if (std::string(s->s_name) == "modified") held->told = held->content;
    return MAX_ERR_NONE;
  }
  refuse("object_notify of something that is no registered dictionary");
}

short locatefile_extended(char* name, short* outvol, t_fourcc*, const t_fourcc*, short) {
  only_in_main("locatefile_extended");
  for (const short path : search_path) {
    const auto file = std::filesystem::path(folders[static_cast<std::size_t>(path)]) / name;
    if (!std::filesystem::exists(file)) continue;
    *outvol = path;
    return 0;
  }
  return 1;
}

t_max_err path_toabsolutesystempath(const short in_path, const char* in_filename,
                                    char* out_filepath) {
  if (in_path <= 0 || static_cast<std::size_t>(in_path) >= folders.size()) {
    return MAX_ERR_GENERIC;
  }
  const auto path =
      (std::filesystem::path(folders[static_cast<std::size_t>(in_path)]) / in_filename).string();
  if (path.size() >= MAX_PATH_CHARS) return MAX_ERR_GENERIC;
  std::strcpy(out_filepath, path.c_str());
  return MAX_ERR_NONE;
}

short packages_getpackagepath(const char* packagename) {
  const auto found = packages.find(packagename);
  return found == packages.end() ? 0 : found->second;
}

}  // extern "C"
