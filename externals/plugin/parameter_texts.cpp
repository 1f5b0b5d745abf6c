// SPDX-License-Identifier: MIT
#include "parameter_texts.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "parameters.hpp"
#include "session.hpp"

START_NAMESPACE_DISTRHO

using namespace nnbridge::plugin;

namespace {

void enumerate(Parameter& parameter, const std::vector<std::string>& names) {
  parameter.hints |= kParameterIsInteger;
  parameter.ranges.max = static_cast<float>(std::max<std::size_t>(1, names.size() - 1));
  auto* const values = new ParameterEnumerationValue[names.size()];  // DPF frees it
  for (std::size_t i = 0; i < names.size(); ++i) {
    values[i].value = static_cast<float>(i);
    values[i].label = names[i].c_str();
  }
  parameter.enumValues.values = values;
  parameter.enumValues.count = static_cast<std::uint8_t>(names.size());
  parameter.enumValues.restrictedMode = true;
}

void name(Parameter& parameter, const std::string& text, const std::string& symbol,
          const char* unit = "") {
  parameter.name = text.c_str();
  parameter.symbol = symbol.c_str();
  parameter.unit = unit;
}

void init_output(unsigned index, Parameter& parameter) {
  parameter.hints = kParameterIsOutput;
  if (index == kStatus) {
    name(parameter, "Status", "status");
    enumerate(parameter, {"no model", "loading", "playing", "missing", "failed"});
  } else if (index == kLatency) {
    name(parameter, "Latency", "latency_now", "samples");
    parameter.ranges = {0.0F, 0.0F, static_cast<float>(kLongestLatency)};
    parameter.hints |= kParameterIsInteger;
  } else if (index == kLoad) {
    name(parameter, "Load", "load", "%");
    parameter.ranges = {0.0F, 0.0F, 1000.0F};
  } else {
    name(parameter, "Late blocks", "late");
    parameter.ranges = {0.0F, 0.0F, 1e6F};
    parameter.hints |= kParameterIsInteger;
  }
}

void init_row(unsigned index, Parameter& parameter) {
  const auto title = [&](const char* text, const char* symbol, unsigned first) {
    const auto number = std::to_string(index - first + 1);
    name(parameter, text + number, symbol + number);
  };
  if (within(index, kScale, kLatents)) {
    title("Scale ", "scale_", kScale);
  } else if (within(index, kBias, kLatents)) {
    title("Bias ", "bias_", kBias);
  } else if (within(index, kJitter, kLatents)) {
    title("Jitter ", "jitter_", kJitter);
  } else if (within(index, kAttribute, kAttributes)) {
    title("Attribute ", "attribute_", kAttribute);
  }
}

}  // namespace

void init_parameter(unsigned index, Parameter& parameter,
                    const std::vector<std::filesystem::path>& models) {
  parameter.hints = kParameterIsAutomatable;
  const auto range = range_of(index);
  parameter.ranges = {range.normal, range.lowest, range.highest};
  switch (index) {
    case kBypass:
      parameter.initDesignation(kParameterDesignationBypass);
      return;
    case kMix:
      name(parameter, "Mix", "mix", "%");
      return;
    case kGain:
      name(parameter, "Gain", "gain", "dB");
      return;
    case kMethod:
      name(parameter, "Method", "method");
      enumerate(parameter, method_names());
      return;
    case kBlock: {
      name(parameter, "Block", "block");
      std::vector<std::string> names;
      names.reserve(kBlocks);
      for (int i = 0; i < kBlocks; ++i) names.push_back(std::to_string(block_frames(i)));
      enumerate(parameter, names);
      return;
    }
    case kDeadline:
      name(parameter, "Deadline", "deadline");
      enumerate(parameter, {kDeadlineNames.begin(), kDeadlineNames.end()});
      return;
    case kModel: {
      name(parameter, "Model", "model_slot");
      std::vector<std::string> names{"as chosen"};
      names.reserve(kSlots + 1);
      for (int slot = 1; slot <= kSlots; ++slot) {
        const auto at = static_cast<std::size_t>(slot - 1);
        names.push_back(at < models.size() ? models[at].stem().string()
                                           : "slot " + std::to_string(slot));
      }
      enumerate(parameter, names);
      return;
    }
    case kMissing:
      name(parameter, "Without a model", "missing");
      enumerate(parameter, {"dry", "silent"});
      return;
    case kTemperature:
      name(parameter, "Temperature", "temperature");
      return;
    default:
      break;
  }
  if (within(index, kStatus, kScale - kStatus)) return init_output(index, parameter);
  init_row(index, parameter);
}

std::string title_of(const std::string& attribute) {
  constexpr std::array kOurs{"bypass",   "mix",   "gain",   "method",  "block",
                             "deadline", "model", "status", "latency", "load"};
  const bool ours = std::find(kOurs.begin(), kOurs.end(), attribute) != kOurs.end();
  return ours ? attribute + " (model)" : attribute;
}

std::string attribute_name(std::size_t k) { return "Attribute " + std::to_string(k + 1); }

END_NAMESPACE_DISTRHO
