// SPDX-License-Identifier: MIT
#include "report.hpp"

#include "nnbridge/paths.hpp"

namespace nnbridge::patcher {
namespace {

Value whole(std::int64_t number) { return Value(number); }

template <class Named>
std::vector<Value> names_of(const std::vector<Named>& all) {
  std::vector<Value> names;
  names.reserve(all.size());
  for (const auto& one : all) names.emplace_back(one.name);
  return names;
}

template <class Named>
std::string listed(const std::vector<Named>& all) {
  std::string text;
  for (const auto& one : all) text += one.name + "; ";
  return text;
}

}  // namespace

std::vector<Line> report(const Player& player) {
  const auto info = player.info();
  if (!info.contract) return {{"loaded", {whole(0)}}};
  std::vector<Line> lines{
      {"loaded", {whole(1)}},
      {"enabled", {whole(player.enabled() ? 1 : 0)}},
      {"gpu", {whole(info.device == "cpu" ? 0 : 1)}},
      {"model", {Value(to_utf8(info.path))}},
      {"methods", method_names(*info.contract)},
      {"method", {Value(info.chain.name)}},
      {"attributes", attribute_names(*info.contract)},
      {"bufsize", {whole(info.block)}},
      {"dim", {whole(info.chain.in_channels()), whole(info.chain.out_channels())}},
      {"ratio", {whole(info.chain.in_ratio()), whole(info.chain.out_ratio())}},
  };
  if (info.latency && info.rate > 0) lines.push_back({"latency", latency(info)});
  return lines;
}

std::vector<std::string> dump(const PlayerInfo& info) {
  if (!info.contract) return {"no model"};
  const auto rate = info.contract->sample_rate;
  std::vector<std::string> lines{
      "model_path: " + to_utf8(info.path),
      "input dimension: " + std::to_string(info.chain.in_channels()),
      "output dimension: " + std::to_string(info.chain.out_channels()),
      "input ratio: " + std::to_string(info.chain.in_ratio()),
      "output ratio: " + std::to_string(info.chain.out_ratio()),
      "methods: " + listed(info.contract->methods),
      "attributes: " + listed(info.contract->attributes),
      "buffer size: " + std::to_string(info.block),
      "sample rate: " + (rate ? std::to_string(*rate) : std::string("any")),
  };
  if (info.latency) {
    lines.push_back("latency: " + std::to_string(info.latency->total()) + " samples");
  }
  return lines;
}

std::vector<Value> method_names(const Contract& contract) { return names_of(contract.methods); }

std::vector<Value> attribute_names(const Contract& contract) {
  auto names = names_of(contract.attributes);
  if (names.empty()) names.emplace_back(std::string());
  return names;
}

std::vector<Value> latency(const PlayerInfo& info) {
  const auto& known = *info.latency;
  return {whole(known.total()), Value(1000.0 * known.total() / info.rate), whole(known.stream),
          whole(known.model)};
}

std::vector<Value> figures(const Stats& stats) {
  return {whole(stats.blocks),
          whole(stats.late),
          whole(stats.failed),
          Value(1000.0 * stats.mean_cost),
          Value(1000.0 * stats.worst_cost),
          Value(static_cast<double>(stats.load))};
}

std::string value_line(const PlayerEvent& event) {
  std::string line = event.text + ":";
  for (const auto& value : event.values) line += " " + to_text(value);
  return line;
}

}  // namespace nnbridge::patcher
