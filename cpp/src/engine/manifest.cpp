// SPDX-License-Identifier: MIT
#include "engine/manifest.hpp"

#include <nlohmann/json.hpp>
#include <numeric>

namespace nnbridge::engine {
namespace {

using Json = nlohmann::json;

constexpr int kSchema = 1;

std::string text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::optional<double> number(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_number()) return std::nullopt;
  return it->get<double>();
}

std::optional<int> count(const Json& object, const char* key, int least) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_number_integer()) return std::nullopt;
  const auto value = it->get<std::int64_t>();
  if (value < least || value > (1 << 30)) return std::nullopt;
  return static_cast<int>(value);
}

/// The manifest's default, converted to the attribute's type; nothing where it doesn't fit.
std::optional<Value> default_value(const Json& json, AttributeType type) {
  switch (type) {
    case AttributeType::kBool:
      if (json.is_boolean()) return Value(json.get<bool>());
      break;
    case AttributeType::kInt:
      if (json.is_number_integer()) return Value(json.get<std::int64_t>());
      break;
    case AttributeType::kFloat:
      if (json.is_number()) return Value(json.get<double>());
      break;
    case AttributeType::kString:
      if (json.is_string()) return Value(json.get<std::string>());
      break;
    case AttributeType::kTensor:
    case AttributeType::kBuffer:
      break;
  }
  return std::nullopt;
}

void apply_method(const Json& json, Method& method) {
  if (!json.is_object()) return;
  if (const auto step = count(json, "step", 1); step && *step <= kLargestStep) {
    // Whatever a manifest says, a block holds whole steps on both sides.
    const auto whole =
        std::lcm<std::int64_t>(*step, std::lcm<std::int64_t>(method.in_ratio, method.out_ratio));
    if (whole <= kLargestStep) method.step = static_cast<int>(whole);
  }
  if (const auto delay = count(json, "delay", 0); delay && *delay <= kLargestStep) {
    method.delay = delay;
  }
  const auto random = json.find("random");
  if (random != json.end() && random->is_boolean()) method.random = random->get<bool>();
  method.description = text(json, "description");
}

void apply_attribute(const Json& json, Attribute& attribute) {
  if (!json.is_object()) return;
  attribute.minimum = number(json, "min");
  attribute.maximum = number(json, "max");
  attribute.unit = text(json, "unit");
  attribute.description = text(json, "description");
  const auto defaults = json.find("default");
  if (defaults == json.end() || !defaults->is_array() ||
      defaults->size() != attribute.types.size()) {
    return;
  }
  std::vector<Value> values;
  for (std::size_t i = 0; i < attribute.types.size(); ++i) {
    const auto value = default_value((*defaults)[i], attribute.types[i]);
    if (!value) return;
    values.push_back(*value);
  }
  attribute.defaults = std::move(values);
}

}  // namespace

Result<void> apply_manifest(const std::string& json, Contract& contract) {
  const Json manifest = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!manifest.is_object()) return fail("its manifest (nnbridge.json) is not a JSON object");
  const auto schema = count(manifest, "schema", 1);
  if (!schema) return fail("its manifest (nnbridge.json) has no schema number");
  if (*schema > kSchema) {
    return fail("its manifest has schema " + std::to_string(*schema) +
                " and this nnbridge knows up to " + std::to_string(kSchema) + ": update nnbridge");
  }
  About about;
  about.name = text(manifest, "name");
  about.description = text(manifest, "description");
  about.license = text(manifest, "license");
  about.citation = text(manifest, "citation");
  about.torch_version = text(manifest, "torch");
  if (const auto authors = manifest.find("authors");
      authors != manifest.end() && authors->is_array()) {
    for (const auto& author : *authors) {
      if (author.is_string()) about.authors.push_back(author.get<std::string>());
    }
  }
  contract.about = std::move(about);
  if (const auto rate = count(manifest, "sample_rate", kLowestRate);
      rate && *rate <= kHighestRate) {
    contract.sample_rate = rate;
  }
  if (const auto methods = manifest.find("methods");
      methods != manifest.end() && methods->is_object()) {
    for (auto& method : contract.methods) {
      if (const auto it = methods->find(method.name); it != methods->end()) {
        apply_method(*it, method);
      }
    }
  }
  if (const auto attributes = manifest.find("attributes");
      attributes != manifest.end() && attributes->is_object()) {
    for (auto& attribute : contract.attributes) {
      if (const auto it = attributes->find(attribute.name); it != attributes->end()) {
        apply_attribute(*it, attribute);
      }
    }
  }
  return {};
}

}  // namespace nnbridge::engine
