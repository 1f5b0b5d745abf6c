// SPDX-License-Identifier: MIT
#include "info.hpp"

#include "ext_dictobj.h"
#include "nnbridge/paths.hpp"
#include "settings.hpp"

namespace nnbridge::max {
namespace {

Value whole(std::int64_t number) { return Value(number); }

/// nn~'s words for the types of an attribute.
Value type_name(AttributeType type) {
  switch (type) {
    case AttributeType::kBool:
      return Value(std::string("bool"));
    case AttributeType::kInt:
      return Value(std::string("int"));
    case AttributeType::kFloat:
      return Value(std::string("float"));
    case AttributeType::kString:
      return Value(std::string("string"));
    case AttributeType::kTensor:
      return Value(std::string("tensor"));
    case AttributeType::kBuffer:
      break;
  }
  return Value(std::string("buffer"));
}

std::vector<Value> types_of(const Attribute& attribute) {
  std::vector<Value> types;
  types.reserve(attribute.types.size());
  for (const auto type : attribute.types) types.push_back(type_name(type));
  return types;
}

struct Parameter {
  const char* name;
  int value;
};
std::array<Parameter, 4> numbers_of(const Method& method) {
  return {{{"channels_in", method.in_channels},
           {"channels_out", method.out_channels},
           {"ratio_in", method.in_ratio},
           {"ratio_out", method.out_ratio}}};
}

t_symbol* symbol(const std::string& text) { return gensym(text.c_str()); }

/// The inner one belongs to the outer one afterwards.
void append(t_dictionary* outer, const std::string& key, t_dictionary* inner) {
  dictionary_appenddictionary(outer, symbol(key), reinterpret_cast<t_object*>(inner));
}

}  // namespace

Info::~Info() {
  if (dictionary_) object_free(dictionary_);
}

void Info::bind(const std::string& name) { name_ = name; }

void Info::set(const std::string& model) {
  const auto found = find_model(model);
  if (!found) return complain(found.error().message);
  path_ = *found;
  contract_.reset();
  reader_ = std::make_unique<Player>();
  reader_->load(path_);
}

bool Info::poll() {
  if (!reader_) return false;
  for (const auto& event : reader_->poll()) {
    if (event.kind == PlayerEvent::Kind::kError) complain(event.text);
  }
  const auto standing = reader_->standing();
  if (standing != PlayerStanding::kReady && standing != PlayerStanding::kFailed) return true;
  contract_ = reader_->info().contract;
  reader_.reset();
  if (!contract_) path_.clear();
  // One of those that waited may be a `set`: then the others go on waiting.
  auto waiting = std::exchange(waiting_, {});
  for (const auto& run : waiting) run();
  return reader_ != nullptr;
}

std::vector<const char*> Info::message_names() {
  return {"dump",       "set",        "path",      "methods",
          "attributes", "parameters", "dump_dict", "get_available_models",
          "download",   "delete"};
}

void Info::message(const std::string& name, const std::vector<Word>& words) {
  if (reader_) {
    waiting_.emplace_back([this, name, words] { message(name, words); });
  } else {
    answer(name, words);
  }
}

void Info::answer(const std::string& name, const std::vector<Word>& words) {
  const auto word = words.empty() ? std::string() : patcher::to_name(words[0]);
  if (name == "set") {
    if (word.empty()) return complain("'set' takes the name of a model: set percussion");
    return set(word);
  }
  if (name == "path") return path(path_);
  if (name == "get_available_models" || name == "download" || name == "delete") {
    return complain(
        "nothing is downloaded: put the model's .ts file into the package's models folder");
  }
  // Held: what an outlet sets off in the patch may be a `set`, which brings another.
  const auto contract = contract_;
  if (!contract) {
    if (name == "bang" || name == "dump") path(path_);
    return complain("there is no model: set percussion");
  }
  if (name == "methods") return methods(*contract);
  if (name == "attributes") return attributes(*contract);
  if (name == "dump_dict") return dictionary(*contract);
  if (name == "parameters") return parameters(*contract, word);
  dump(*contract, std::filesystem::path(path_));
}

/// From the right to the left, as objects of Max do.
void Info::dump(const Contract& contract, const std::filesystem::path& file) {
  dictionary(contract);
  parameters(contract, {});
  attributes(contract);
  methods(contract);
  path(file);
}

void Info::path(const std::filesystem::path& file) {
  out(kPath, file.empty() ? std::string("none") : to_utf8(file), {});
}

void Info::methods(const Contract& contract) {
  for (const auto& method : contract.methods) out(kMethods, "method", {Value(method.name)});
}

void Info::attributes(const Contract& contract) {
  for (const auto& attribute : contract.attributes) {
    out(kAttributes, "attribute", {Value(attribute.name)});
  }
}

void Info::parameters(const Contract& contract, const std::string& name) {
  bool found = false;
  for (const auto& method : contract.methods) {
    if (!name.empty() && method.name != name) continue;
    parameters_of(method);
    found = true;
  }
  for (const auto& attribute : contract.attributes) {
    if (!name.empty() && attribute.name != name) continue;
    parameters_of(attribute);
    found = true;
  }
  if (!found && !name.empty()) {
    complain("the model has neither a method nor an attribute '" + name + "'");
  }
}

void Info::parameters_of(const Method& method) {
  for (const auto& number : numbers_of(method)) {
    out(kParameters, method.name, {Value(std::string(number.name)), whole(number.value)});
  }
}

void Info::parameters_of(const Attribute& attribute) {
  std::vector<Value> values{Value(std::string("attribute_type"))};
  for (auto& type : types_of(attribute)) values.push_back(std::move(type));
  out(kParameters, attribute.name, values);
}

/// {methods: {<m>: {channels_in, channels_out, ratio_in, ratio_out}}, attributes: {<a>:
/// {attribute_type: […]}}}
void Info::dictionary(const Contract& contract) {
  if (dictionary_ && !name_.empty() && name_ != registered_->s_name) {
    object_free(std::exchange(dictionary_, nullptr));
  }
  if (!dictionary_) {
    registered_ = name_.empty() ? nullptr : symbol(name_);
    // Where a dict of this name exists, it is that one.
    dictionary_ = dictobj_register(dictionary_new(), &registered_);
  }
  dictionary_clear(dictionary_);
  t_dictionary* const methods = dictionary_new();
  for (const auto& method : contract.methods) {
    t_dictionary* const one = dictionary_new();
    for (const auto& number : numbers_of(method)) {
      dictionary_appendlong(one, gensym(number.name), number.value);
    }
    append(methods, method.name, one);
  }
  append(dictionary_, "methods", methods);
  t_dictionary* const attributes = dictionary_new();
  for (const auto& attribute : contract.attributes) {
    t_dictionary* const one = dictionary_new();
    auto types = to_atoms(types_of(attribute));
    dictionary_appendatoms(one, gensym("attribute_type"), static_cast<long>(types.size()),
                           types.data());
    append(attributes, attribute.name, one);
  }
  append(dictionary_, "attributes", attributes);
  object_notify(dictionary_, gensym("modified"), nullptr);
  out(kDictionary, "dictionary", {Value(std::string(registered_->s_name))});
}

void Info::out(Outlet outlet, const std::string& selector, const std::vector<Value>& values) {
  if (!outlets_[outlet]) return;
  if (const auto sent = send(outlets_[outlet], selector, values); !sent) {
    complain(sent.error().message);
  }
}

void Info::complain(const std::string& text) { object_error(owner_, "nn.info: %s", text.c_str()); }

}  // namespace nnbridge::max
