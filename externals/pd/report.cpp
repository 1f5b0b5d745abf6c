// SPDX-License-Identifier: MIT
//
// What [nn~] says: by its info outlet and in Pd's console.
#include <cmath>

#include "host.hpp"
#include "object.hpp"

namespace nnbridge::pd {
namespace {

template <class Named>
std::vector<t_atom> names_of(const std::vector<Named>& all) {
  std::vector<t_atom> atoms;
  for (const auto& one : all) append(atoms, one.name);
  return atoms;
}

/// nn~ sends an empty symbol where there is none.
std::vector<t_atom> attributes_of(const Contract& contract) {
  auto atoms = names_of(contract.attributes);
  if (atoms.empty()) append(atoms, std::string());
  return atoms;
}

std::vector<t_atom> pair(double first, double second) {
  std::vector<t_atom> atoms;
  append(atoms, first);
  append(atoms, second);
  return atoms;
}

template <class Named>
std::string listed(const std::vector<Named>& all) {
  std::string text;
  for (const auto& one : all) text += one.name + "; ";
  return text;
}

}  // namespace

void Object::bang() {
  const auto info = player_.info();
  out("loaded", info.contract ? 1 : 0);
  if (!info.contract) return;
  out("enabled", player_.enabled() ? 1 : 0);
  out("gpu", info.device == "cpu" ? 0 : 1);
  out("model", info.path.string());
  out("methods", names_of(info.contract->methods));
  out("method", info.chain.name);
  out("attributes", attributes_of(*info.contract));
  out("bufsize", info.block);
  out("dim", pair(info.chain.in_channels(), info.chain.out_channels()));
  out("ratio", pair(info.chain.in_ratio(), info.chain.out_ratio()));
  send_latency();
}

void Object::dump() {
  const auto info = player_.info();
  if (!info.contract) return say("no model");
  say("model_path: " + info.path.string());
  say("input dimension: " + std::to_string(info.chain.in_channels()));
  say("output dimension: " + std::to_string(info.chain.out_channels()));
  say("input ratio: " + std::to_string(info.chain.in_ratio()));
  say("output ratio: " + std::to_string(info.chain.out_ratio()));
  say("methods: " + listed(info.contract->methods));
  say("attributes: " + listed(info.contract->attributes));
  say("buffer size: " + std::to_string(info.block));
  const auto rate = info.contract->sample_rate;
  say("sample rate: " + (rate ? std::to_string(*rate) : std::string("any")));
  if (info.latency) say("latency: " + std::to_string(info.latency->total()) + " samples");
}

void Object::get_methods() {
  const auto info = player_.info();
  if (!info.contract) return complain("there is no model");
  for (const auto& method : info.contract->methods) say(method.name);
  out("methods", names_of(info.contract->methods));
}

void Object::get_attributes() {
  const auto info = player_.info();
  if (!info.contract) return complain("there is no model");
  for (const auto& attribute : info.contract->attributes) say(attribute.name);
  out("attributes", attributes_of(*info.contract));
}

void Object::latency() {
  if (!player_.info().latency) return complain("the latency is known once DSP has been on");
  send_latency();
}

/// Samples and milliseconds in all; then the stream's samples, and the model's own.
void Object::send_latency() {
  const auto info = player_.info();
  if (!info.latency || info.rate <= 0) return;
  auto atoms = pair(info.latency->total(), 1000.0 * info.latency->total() / info.rate);
  append(atoms, static_cast<double>(info.latency->stream));
  append(atoms, static_cast<double>(info.latency->model));
  out("latency", atoms);
}

void Object::stats() {
  const auto stats = player_.stats();
  if (!stats) return complain("there are no figures before DSP has been on");
  std::vector<t_atom> atoms;
  for (const double figure : {static_cast<double>(stats->blocks), static_cast<double>(stats->late),
                              static_cast<double>(stats->failed), 1000.0 * stats->mean_cost,
                              1000.0 * stats->worst_cost, stats->load}) {
    append(atoms, figure);
  }
  out("stats", atoms);
}

void Object::out(const char* selector, const std::vector<t_atom>& atoms) {
  auto copy = atoms;  // Pd takes them as mutable
  outlet_anything(info_, gensym(selector), static_cast<int>(copy.size()), copy.data());
}

void Object::out(const char* selector, double number) {
  std::vector<t_atom> atoms;
  append(atoms, number);
  out(selector, atoms);
}

void Object::out(const char* selector, const std::string& text) {
  std::vector<t_atom> atoms;
  append(atoms, text);
  out(selector, atoms);
}

void Object::say(const std::string& text) { post("nn~: %s", text.c_str()); }

void Object::complain(const std::string& text) { pd_error(owner_, "nn~: %s", text.c_str()); }

}  // namespace nnbridge::pd
