// SPDX-License-Identifier: MIT
#include "nnbridge/contract.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <locale>
#include <numeric>
#include <sstream>

namespace nnbridge {
namespace {

/// "a, b or c"-like lists for error sentences.
template <class Items>
std::string names_of(const Items& items) {
  std::string names;
  for (const auto& item : items) names += (names.empty() ? "" : ", ") + item.name;
  return names;
}

template <class Items>
auto* find_named(Items& items, const std::string& name) {
  const auto it =
      std::find_if(items.begin(), items.end(), [&](const auto& item) { return item.name == name; });
  return it == items.end() ? nullptr : &*it;
}

std::string describe(const Value& value) {
  struct Describe {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const {
      std::ostringstream text;
      text.imbue(std::locale::classic());
      text << v;
      return text.str();
    }
    std::string operator()(const std::string& v) const { return "'" + v + "'"; }
    std::string operator()(const TensorValue&) const { return "a tensor"; }
    std::string operator()(const BufferValue&) const { return "a buffer"; }
  };
  return std::visit(Describe(), value);
}

tl::unexpected<Error> wrong_type(const std::string& got, AttributeType type,
                                 const std::string& attribute) {
  return fail("'" + attribute + "' takes " + name_of(type) + ", not " + got + ".");
}

}  // namespace

const char* name_of(AttributeType type) {
  switch (type) {
    case AttributeType::kBool:
      return "true or false";
    case AttributeType::kInt:
      return "a whole number";
    case AttributeType::kFloat:
      return "a number";
    case AttributeType::kString:
      return "text";
    case AttributeType::kTensor:
      return "a tensor";
    case AttributeType::kBuffer:
      return "a buffer";
  }
  return "a value";
}

const Method* Contract::find_method(const std::string& name) const {
  return find_named(methods, name);
}

const Attribute* Contract::find_attribute(const std::string& name) const {
  return find_named(attributes, name);
}

Result<Attribute> Contract::attribute(const std::string& name) const {
  if (const auto* found = find_attribute(name)) return *found;
  if (attributes.empty()) return fail("The model has no attributes, and so no '" + name + "'.");
  return fail("The model has no attribute '" + name + "'; it has: " + names_of(attributes) + ".");
}

Result<Chain> Contract::chain(const std::string& name) const {
  Chain chain{.name = name, .methods = {}, .step = 1, .delay = 0};
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('+', begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    const auto* method = find_method(part);
    if (!method) {
      return fail("The model has no method '" + part + "'; it has: " + names_of(methods) + ".");
    }
    if (!method->callable) {
      return fail(
          "The model lists a method '" + part +
          "' but does not contain it, so it can't be run; others are: " + names_of(methods) + ".");
    }
    if (!chain.methods.empty()) {
      const auto& before = chain.methods.back();
      if (before.out_channels != method->in_channels) {
        return fail("'" + before.name + "' gives " + std::to_string(before.out_channels) +
                    " channels and '" + part + "' takes " + std::to_string(method->in_channels) +
                    ", so they can't be chained.");
      }
    }
    const auto step = std::lcm<std::int64_t>(chain.step, method->step);
    if (step > kLargestStep) return fail("The steps of '" + name + "' have no usable multiple.");
    chain.step = static_cast<int>(step);
    if (chain.delay && method->delay && *chain.delay + *method->delay <= kLargestStep) {
      *chain.delay += *method->delay;
    } else {
      chain.delay.reset();
    }
    chain.methods.push_back(*method);
    begin = end + 1;
  }
  return chain;
}

Result<Value> convert(const Value& value, AttributeType type, const std::string& attribute) {
  const auto refuse = [&] { return wrong_type(describe(value), type, attribute); };
  const auto* truth = std::get_if<bool>(&value);
  const auto* whole = std::get_if<std::int64_t>(&value);
  const auto* real = std::get_if<double>(&value);
  switch (type) {
    case AttributeType::kBool:
      if (truth) return value;
      if (whole && (*whole == 0 || *whole == 1)) return Value(*whole == 1);
      if (real && (*real == 0.0 || *real == 1.0)) return Value(*real == 1.0);
      return refuse();
    case AttributeType::kInt:
      if (whole) return value;
      if (truth) return Value(std::int64_t{*truth});
      // Beyond 2^53 a double no longer tells neighbouring whole numbers apart.
      if (real && std::trunc(*real) == *real && std::abs(*real) <= 9007199254740992.0) {
        return Value(static_cast<std::int64_t>(*real));
      }
      return refuse();
    case AttributeType::kFloat:
      if (real && std::isfinite(*real)) return value;
      if (whole) return Value(static_cast<double>(*whole));
      return refuse();
    case AttributeType::kString:
      return std::holds_alternative<std::string>(value) ? Result<Value>(value) : refuse();
    case AttributeType::kTensor:
      if (std::holds_alternative<TensorValue>(value)) return value;
      if (const auto* buffer = std::get_if<BufferValue>(&value)) {
        return Value(TensorValue{{buffer->channels, buffer->frames}, buffer->samples});
      }
      return refuse();
    case AttributeType::kBuffer:
      return std::holds_alternative<BufferValue>(value) ? Result<Value>(value) : refuse();
  }
  return refuse();
}

Result<Value> parse_value(const std::string& text, AttributeType type,
                          const std::string& attribute) {
  const char* begin = text.data();
  const char* end = begin + text.size();
  switch (type) {
    case AttributeType::kBool:
      if (text == "true" || text == "1") return Value(true);
      if (text == "false" || text == "0") return Value(false);
      break;
    case AttributeType::kInt: {
      std::int64_t number = 0;
      const auto [stop, code] = std::from_chars(begin, end, number);
      if (code == std::errc() && stop == end) return Value(number);
      break;
    }
    case AttributeType::kFloat: {
      // Not from_chars: Apple's library has none for floating point. Not strtod: it follows the
      // host's locale, and some hosts set one with decimal commas.
      std::istringstream stream(text);
      stream.imbue(std::locale::classic());
      double number = 0;
      if (stream >> std::noskipws >> number && stream.eof()) return Value(number);
      break;
    }
    case AttributeType::kString:
      return Value(text);
    case AttributeType::kTensor:
    case AttributeType::kBuffer:
      break;
  }
  return wrong_type("'" + text + "'", type, attribute);
}

}  // namespace nnbridge
