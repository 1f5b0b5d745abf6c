// SPDX-License-Identifier: MIT
//
// What [nn~] says: by its info outlet and in Pd's console.
#include "report.hpp"

#include "host.hpp"
#include "object.hpp"

namespace nnbridge::pd {

void Object::bang() {
  for (const auto& line : patcher::report(player_)) out(line.selector, line.values);
}

void Object::dump() {
  for (const auto& line : patcher::dump(player_.info())) say(line);
}

void Object::get_methods() {
  const auto info = player_.info();
  if (!info.contract) return complain("there is no model");
  for (const auto& method : info.contract->methods) say(method.name);
  out("methods", patcher::method_names(*info.contract));
}

void Object::get_attributes() {
  const auto info = player_.info();
  if (!info.contract) return complain("there is no model");
  for (const auto& attribute : info.contract->attributes) say(attribute.name);
  out("attributes", patcher::attribute_names(*info.contract));
}

void Object::latency() {
  const auto info = player_.info();
  if (!info.contract) return complain("there is no model");
  if (!info.latency || info.rate <= 0) {
    return complain("the latency is known once DSP has been on");
  }
  out("latency", patcher::latency(info));
}

void Object::stats() {
  if (!player_.info().contract) return complain("there is no model");
  const auto stats = player_.stats();
  if (!stats) return complain("there are no figures before DSP has been on");
  out("stats", patcher::figures(*stats));
}

void Object::out(const std::string& selector, const std::vector<Value>& values) {
  std::vector<t_atom> atoms;
  for (const auto& value : values) append(atoms, value);
  outlet_anything(info_, gensym(selector.c_str()), static_cast<int>(atoms.size()), atoms.data());
}

void Object::say(const std::string& text) { post("nn~: %s", text.c_str()); }

void Object::complain(const std::string& text) { pd_error(owner_, "nn~: %s", text.c_str()); }

}  // namespace nnbridge::pd
