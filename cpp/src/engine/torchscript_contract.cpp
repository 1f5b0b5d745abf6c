// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/torchscript.hpp"

namespace nnbridge::engine {
namespace {

using torch::jit::IValue;
using torch::jit::Module;

std::vector<std::string> strings_of(const IValue& value) {
  std::vector<std::string> strings;
  if (!value.isList()) return strings;
  for (const IValue& item : value.toList()) {
    if (item.isString()) strings.push_back(item.toStringRef());
  }
  return strings;
}

/// Calls a getter without arguments; nothing where there is none or it throws.
std::optional<IValue> call(const Module& module, const std::string& name) {
  const auto method = module.find_method(name);
  if (!method) return std::nullopt;
  try {
    return (*method)({});
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::optional<IValue> attribute_of(const Module& module, const std::string& name) {
  if (!module.hasattr(name)) return std::nullopt;
  return module.attr(name);
}

/// The numbers in a `_params` buffer, of whichever type it is (int64 in v1.6, float32 before).
std::optional<std::vector<std::int64_t>> params_of(const Module& module, const std::string& name) {
  const auto value = attribute_of(module, name + "_params");
  if (!value || !value->isTensor()) return std::nullopt;
  const at::Tensor tensor = value->toTensor();
  if (!tensor.defined() || tensor.is_complex() || tensor.dim() > 1 || tensor.numel() > 4096) {
    return std::nullopt;
  }
  const at::Tensor numbers = tensor.to(at::kCPU, at::kDouble).contiguous().reshape({-1});
  std::vector<std::int64_t> params;
  for (std::int64_t i = 0; i < numbers.numel(); ++i) {
    const double number = numbers.data_ptr<double>()[i];
    if (!(std::abs(number) <= static_cast<double>(kLargestStep))) return std::nullopt;
    params.push_back(std::llround(number));
  }
  return params;
}

std::vector<std::string> labels_of(const Module& module, const std::string& name, int channels,
                                   const char* fallback) {
  std::vector<std::string> labels;
  if (const auto value = attribute_of(module, name)) labels = strings_of(*value);
  labels.resize(static_cast<std::size_t>(channels));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].empty()) labels[i] = fallback + std::to_string(i);
  }
  return labels;
}

std::vector<std::string> registered_methods(const Module& module) {
  if (const auto listed = call(module, "get_methods")) return strings_of(*listed);
  // RAVE's first files list nothing: every method with a registration counts.
  std::vector<std::string> names;
  for (const auto& method : module.get_methods()) {
    if (params_of(module, method.name())) names.push_back(method.name());
  }
  return names;
}

Result<Method> read_method(const Module& module, const std::string& name) {
  const auto params = params_of(module, name);
  if (!params || params->size() < 4) {
    return fail("its method '" + name + "' has no valid registration ('" + name + "_params')");
  }
  const auto& p = *params;
  if (std::any_of(p.begin(), p.begin() + 4, [](std::int64_t n) { return n < 1; })) {
    return fail("its method '" + name + "' declares channels or ratios below 1");
  }
  Method method;
  method.name = name;
  method.in_channels = static_cast<int>(p[0]);
  method.in_ratio = static_cast<int>(p[1]);
  method.out_channels = static_cast<int>(p[2]);
  method.out_ratio = static_cast<int>(p[3]);
  if (method.in_channels > 65536 || method.out_channels > 65536) {
    return fail("its method '" + name + "' declares more than 65536 channels");
  }
  method.in_labels =
      labels_of(module, name + "_input_labels", method.in_channels, "(signal) model input ");
  method.out_labels =
      labels_of(module, name + "_output_labels", method.out_channels, "(signal) model output ");
  method.callable = module.find_method(name).has_value();
  return method;
}

std::vector<std::string> registered_attributes(const Module& module) {
  std::vector<std::string> names;
  if (const auto listed = call(module, "get_attributes")) {
    names = strings_of(*listed);
  } else {
    for (const auto& item : module.named_attributes(/*recurse=*/false)) {
      // A method's registration looks the same; what tells an attribute is its setter.
      if (params_of(module, item.name) && module.find_method("set_" + item.name)) {
        names.push_back(item.name);
      }
    }
  }
  // Files of v1.5 always list a dummy that stands for "no attributes".
  std::erase(names, "none");
  return names;
}

std::optional<Attribute> read_attribute(const Module& module, const std::string& name) {
  const auto params = params_of(module, name);
  if (!params || params->empty()) return std::nullopt;
  Attribute attribute;
  attribute.name = name;
  for (const auto code : *params) {
    if (code < 0 || code > static_cast<int>(AttributeType::kBuffer)) return std::nullopt;
    attribute.types.push_back(static_cast<AttributeType>(code));
  }
  return attribute;
}

std::optional<int> rate_of(const IValue& value) {
  double rate = 0;
  if (value.isInt()) {
    rate = static_cast<double>(value.toInt());
  } else if (value.isDouble()) {
    rate = value.toDouble();
  } else if (value.isTensor() && value.toTensor().defined() && value.toTensor().numel() == 1) {
    rate = value.toTensor().to(at::kCPU, at::kDouble).item<double>();
  }
  if (!(rate >= kLowestRate && rate <= kHighestRate)) return std::nullopt;
  return static_cast<int>(std::llround(rate));
}

/// The model's own rate, read before anyone tells it another one.
std::optional<int> read_sample_rate(const Module& module) {
  for (const char* name : {"sr", "sampling_rate"}) {
    if (const auto value = attribute_of(module, name)) {
      if (const auto rate = rate_of(*value)) return rate;
    }
  }
  if (const auto value = call(module, "get_sample_rate")) return rate_of(*value);
  return std::nullopt;
}

}  // namespace

Result<Contract> read_contract(const Module& module) {
  Contract contract;
  std::int64_t step = 1;
  std::string complaint;
  for (const auto& name : registered_methods(module)) {
    if (contract.find_method(name)) continue;
    auto method = read_method(module, name);
    if (!method) {
      // One name that stands for nothing takes none of the others away.
      if (complaint.empty()) complaint = method.error().message;
      continue;
    }
    step = std::lcm(step, std::lcm<std::int64_t>(method->in_ratio, method->out_ratio));
    if (step > kLargestStep) return fail("its ratios have no common multiple of a usable size");
    contract.methods.push_back(std::move(*method));
  }
  if (contract.methods.empty() && !complaint.empty()) return fail(complaint);
  if (contract.methods.empty()) {
    return fail("it registers no method: register one with nnbridge.contract and export it again");
  }
  for (auto& method : contract.methods) method.step = static_cast<int>(step);
  for (const auto& name : registered_attributes(module)) {
    if (contract.find_attribute(name)) continue;
    if (auto attribute = read_attribute(module, name)) {
      contract.attributes.push_back(std::move(*attribute));
    }
  }
  contract.sample_rate = read_sample_rate(module);
  contract.follows_sample_rate = module.find_method("set_sample_rate").has_value();
  return contract;
}

}  // namespace nnbridge::engine
