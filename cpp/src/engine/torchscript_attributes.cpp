// SPDX-License-Identifier: MIT
#include <algorithm>

#include "engine/torchscript.hpp"

namespace nnbridge::engine {
namespace {

using torch::jit::IValue;
using torch::jit::Module;

at::Tensor tensor_of(const std::vector<float>& data, const std::vector<std::int64_t>& shape,
                     at::Device device) {
  TORCH_CHECK(std::all_of(shape.begin(), shape.end(), [](auto size) { return size >= 0; }),
              "a tensor has no negative sizes");
  return at::tensor(data, at::kFloat).reshape(shape).to(device);
}

tl::unexpected<Error> refused(const Attribute& attribute, const std::string& answer) {
  return fail("The model refused the value of '" + attribute.name + "' (" + answer + ").");
}

/// The setter's argument for one element. Buffers are handed over by name beforehand.
Result<IValue> argument(Module& module, const Attribute& attribute, std::size_t index,
                        const Value& given, at::Device device) {
  const auto type = attribute.types[index];
  const auto value = convert(given, type, attribute.name);
  if (!value) return tl::unexpected(value.error());
  switch (type) {
    case AttributeType::kBool:
      return IValue(std::get<bool>(*value));
    case AttributeType::kInt:
      return IValue(std::get<std::int64_t>(*value));
    case AttributeType::kFloat:
      return IValue(std::get<double>(*value));
    case AttributeType::kString:
      return IValue(std::get<std::string>(*value));
    case AttributeType::kTensor: {
      const auto& tensor = std::get<TensorValue>(*value);
      return IValue(tensor_of(tensor.data, tensor.shape, device));
    }
    case AttributeType::kBuffer: {
      const auto& buffer = std::get<BufferValue>(*value);
      const std::string id = attribute.name + "#" + std::to_string(index);
      const auto setter = module.find_method("set_buffer_attribute");
      if (!setter) return fail("The model has no way to take the buffer '" + id + "'.");
      const IValue answer =
          (*setter)({id, tensor_of(buffer.samples, {buffer.channels, buffer.frames}, device),
                     static_cast<std::int64_t>(buffer.sample_rate)});
      if (answer.isInt() && answer.toInt() != 0) {
        return refused(attribute, "its answer to a buffer of " + std::to_string(buffer.frames) +
                                      " frames was " + std::to_string(answer.toInt()));
      }
      return IValue(id);
    }
  }
  return fail("'" + attribute.name + "' has an unknown type.");
}

/// A v1.6 Buffer object: fields `value` and `sr`.
std::optional<Value> buffer_of(const IValue& value) {
  if (!value.isObject()) return std::nullopt;
  const auto object = value.toObject();
  if (!object->type()->hasAttribute("value") || !object->type()->hasAttribute("sr")) {
    return std::nullopt;
  }
  const IValue samples = object->getAttr("value");
  const IValue rate = object->getAttr("sr");
  if (!samples.isTensor() || !rate.isInt()) return std::nullopt;
  const at::Tensor tensor = samples.toTensor().to(at::kCPU, at::kFloat).contiguous();
  BufferValue buffer;
  buffer.sample_rate = static_cast<int>(std::max<std::int64_t>(rate.toInt(), 0));
  buffer.frames = tensor.numel() == 0 ? 0 : tensor.size(-1);
  buffer.channels = buffer.frames == 0 ? 0 : static_cast<int>(tensor.numel() / buffer.frames);
  buffer.samples.assign(tensor.data_ptr<float>(), tensor.data_ptr<float>() + tensor.numel());
  return buffer;
}

std::optional<Value> value_of(const IValue& value) {
  if (value.isBool()) return Value(value.toBool());
  if (value.isInt()) return Value(value.toInt());
  if (value.isDouble()) return Value(value.toDouble());
  if (value.isString()) return Value(value.toStringRef());
  if (value.isTensor()) {
    const at::Tensor tensor = value.toTensor().to(at::kCPU, at::kFloat).contiguous();
    return Value(
        TensorValue{tensor.sizes().vec(),
                    {tensor.data_ptr<float>(), tensor.data_ptr<float>() + tensor.numel()}});
  }
  return buffer_of(value);
}

/// Scalars, lists and tuples: getters return all three.
std::vector<IValue> elements_of(const IValue& value) {
  if (value.isTuple()) return value.toTupleRef().elements().vec();
  if (!value.isList()) return {value};
  std::vector<IValue> elements;
  for (const IValue& item : value.toList()) elements.push_back(item);
  return elements;
}

}  // namespace

Result<void> set_attribute(Module& module, const Attribute& attribute,
                           const std::vector<Value>& values, at::Device device) {
  if (values.size() != attribute.types.size()) {
    return fail("'" + attribute.name + "' takes " + std::to_string(attribute.types.size()) +
                (attribute.types.size() == 1 ? " value, not " : " values, not ") +
                std::to_string(values.size()) + ".");
  }
  const auto setter = module.find_method("set_" + attribute.name);
  if (!setter) return fail("The model's attribute '" + attribute.name + "' can't be set.");
  try {
    const c10::InferenceMode guard;
    std::vector<IValue> arguments;
    for (std::size_t i = 0; i < values.size(); ++i) {
      auto value = argument(module, attribute, i, values[i], device);
      if (!value) return tl::unexpected(value.error());
      arguments.push_back(std::move(*value));
    }
    const IValue answer = (*setter)(std::move(arguments));
    if (answer.isBool() && !answer.toBool()) return refused(attribute, "it answered false");
    if (answer.isInt() && answer.toInt() != 0) {
      std::string range;
      if (attribute.minimum || attribute.maximum) {
        const auto bound = [](const std::optional<double>& limit) {
          return limit ? c10::str(*limit) : std::string("any");
        };
        range = ", its range is " + bound(attribute.minimum) + " to " + bound(attribute.maximum);
      }
      return refused(attribute, "it answered " + std::to_string(answer.toInt()) + range);
    }
    return {};
  } catch (const std::exception& error) {
    return refused(attribute, model_message(error));
  }
}

Result<std::vector<Value>> get_attribute(Module& module, const Attribute& attribute) {
  try {
    const c10::InferenceMode guard;
    IValue stored;
    if (const auto getter = module.find_method("get_" + attribute.name)) {
      stored = (*getter)({});
    } else if (module.hasattr(attribute.name)) {
      stored = module.attr(attribute.name);
    } else {
      return fail("The model's attribute '" + attribute.name + "' can't be read.");
    }
    std::vector<Value> values;
    for (const auto& element : elements_of(stored)) {
      auto value = value_of(element);
      if (!value) return fail("'" + attribute.name + "' holds a value of an unknown type.");
      const auto index = values.size();
      // v1.5 getters may answer a bool as an int, or an int as a float.
      if (index < attribute.types.size()) {
        if (auto typed = convert(*value, attribute.types[index], attribute.name)) value = *typed;
      }
      values.push_back(std::move(*value));
    }
    return values;
  } catch (const std::exception& error) {
    return fail("The model failed to tell its '" + attribute.name + "' (" + model_message(error) +
                ").");
  }
}

}  // namespace nnbridge::engine
