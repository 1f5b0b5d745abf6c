// SPDX-License-Identifier: MIT
#include <array>
#include <charconv>
#include <cmath>

#include "nnbridge/player.hpp"

namespace nnbridge {
namespace {

std::string to_text(double number) {
  // A host's numbers are often 32 bits wide: as few digits as tell that number from its neighbours.
  std::array<char, 32> text;
  const auto single = static_cast<float>(number);
  const auto end = static_cast<double>(single) == number
                       ? std::to_chars(text.begin(), text.end(), single)
                       : std::to_chars(text.begin(), text.end(), number);
  return std::string(text.data(), end.ptr);
}

Result<Value> to_value(const Attribute& attribute, AttributeType type, const Word& word,
                       const ArrayReader& arrays) {
  const auto* text = std::get_if<std::string>(&word);
  const auto* number = std::get_if<double>(&word);
  switch (type) {
    case AttributeType::kTensor:
    case AttributeType::kBuffer: {
      if (!text) {
        return fail("'" + attribute.name + "' takes the name of an array, not the number " +
                    to_text(*number) + ".");
      }
      auto array = arrays ? arrays(*text) : std::nullopt;
      if (!array) return fail("There is no array '" + *text + "' for '" + attribute.name + "'.");
      if (type == AttributeType::kBuffer) return Value(std::move(*array));
      TensorValue tensor{.shape = {array->frames}, .data = std::move(array->samples)};
      tensor.data.resize(static_cast<std::size_t>(array->frames));
      return Value(std::move(tensor));
    }
    case AttributeType::kBool:
      if (number) return Value(*number != 0.0);
      break;
    case AttributeType::kInt:
      if (number) return convert(Value(std::trunc(*number)), type, attribute.name);
      break;
    case AttributeType::kFloat:
      if (number) return Value(*number);
      break;
    case AttributeType::kString:
      if (number) return Value(to_text(*number));
      break;
  }
  return parse_value(*text, type, attribute.name);
}

}  // namespace

Result<std::vector<Value>> to_values(const Attribute& attribute, const std::vector<Word>& words,
                                     const ArrayReader& arrays) {
  if (words.size() != attribute.types.size()) {
    return fail("'" + attribute.name + "' takes " + std::to_string(attribute.types.size()) +
                (attribute.types.size() == 1 ? " value" : " values") + ", but " +
                std::to_string(words.size()) + " came.");
  }
  std::vector<Value> values;
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto value = to_value(attribute, attribute.types[i], words[i], arrays);
    if (!value) return tl::unexpected(value.error());
    values.push_back(std::move(*value));
  }
  return values;
}

std::string to_text(const Value& value) {
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  if (const auto* number = std::get_if<double>(&value)) return to_text(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* tensor = std::get_if<TensorValue>(&value)) {
    std::string shape;
    for (const auto length : tensor->shape) {
      shape += (shape.empty() ? "" : ", ") + std::to_string(length);
    }
    return "Tensor(dim: " + shape + ")";
  }
  const auto& buffer = std::get<BufferValue>(value);
  return "Buffer(channels: " + std::to_string(buffer.channels) +
         ", frames: " + std::to_string(buffer.frames) +
         ", sr: " + std::to_string(buffer.sample_rate) + ")";
}

}  // namespace nnbridge
