// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "nnbridge/result.hpp"

namespace nnbridge {

/// The kinds of value an attribute holds; the numbers are those of the `<attribute>_params`
/// buffer in the file.
enum class AttributeType : std::uint8_t { kBool, kInt, kFloat, kString, kTensor, kBuffer };

const char* name_of(AttributeType type);

/// A tensor attribute, row-major.
struct TensorValue {
  std::vector<std::int64_t> shape;
  std::vector<float> data;
};

/// A recording handed to a model: planar samples, `channels` rows of `frames`.
struct BufferValue {
  int channels = 0;
  std::int64_t frames = 0;
  int sample_rate = 0;
  std::vector<float> samples;
};

/// One element of an attribute, typed from the host's message to the model's setter.
using Value = std::variant<bool, std::int64_t, double, std::string, TensorValue, BufferValue>;

/// The largest ratio, step and block, in samples. No model in circulation comes near; beyond it a
/// file is broken, and buffers would not fit.
inline constexpr int kLargestStep = 1 << 22;

/// Sample rates in Hz that mean one. A file that declares another counts as declaring none.
inline constexpr int kLowestRate = 1000;
inline constexpr int kHighestRate = 1'000'000;

/// One method of a model: what goes in and out of it, and at which fraction of the audio rate.
struct Method {
  std::string name;
  int in_channels = 0;
  int in_ratio = 1;  ///< audio samples per input step
  int out_channels = 0;
  int out_ratio = 1;  ///< audio samples per output step
  std::vector<std::string> in_labels;
  std::vector<std::string> out_labels;
  /// Audio samples that one call must be a multiple of. Without a manifest: the least common
  /// multiple of every ratio in the file, since files in circulation declare `forward` at ratio 1
  /// although only multiples of `encode`'s ratio are valid.
  int step = 1;
  std::optional<int> delay;    ///< what the model adds, in samples at its rate; none: not declared
  std::optional<bool> random;  ///< whether it draws random numbers; none: not declared
  bool callable = true;        ///< false: listed to raise the step, but not exported
  std::string description;
};

/// One attribute of a model: a named tuple of typed values with a setter and a getter.
struct Attribute {
  std::string name;
  std::vector<AttributeType> types;
  std::optional<double> minimum;
  std::optional<double> maximum;
  std::string unit;
  std::string description;
  std::vector<Value> defaults;  ///< from the manifest; empty: not declared
};

/// What a file says of itself beyond the contract in circulation (`nnbridge.json` inside it).
struct About {
  std::string name;
  std::string description;
  std::vector<std::string> authors;
  std::string license;
  std::string citation;
  std::string torch_version;
};

/// Methods run one after the other at the rate of the signal between them: `encode+decode` is a
/// chain of two. A plain method is a chain of one.
struct Chain {
  std::string name;
  std::vector<Method> methods;
  int step = 1;              ///< audio samples that a block must be a multiple of
  std::optional<int> delay;  ///< sum of the declared delays; none when any is undeclared

  int in_channels() const { return methods.front().in_channels; }
  int in_ratio() const { return methods.front().in_ratio; }
  int out_channels() const { return methods.back().out_channels; }
  int out_ratio() const { return methods.back().out_ratio; }
};

/// Everything a model file declares. A value: read once when the file is opened.
struct Contract {
  std::vector<Method> methods;
  std::vector<Attribute> attributes;
  std::optional<int> sample_rate;    ///< the rate the model was made for, in Hz
  bool follows_sample_rate = false;  ///< it asks to be told the rate it runs at
  std::optional<About> about;        ///< none: the file has no manifest

  const Method* find_method(const std::string& name) const;
  const Attribute* find_attribute(const std::string& name) const;

  /// Resolves "forward" or "encode+decode". The error names the methods there are, or the two
  /// channel counts that don't fit.
  Result<Chain> chain(const std::string& name) const;

  /// The same for an attribute; the error names those there are.
  Result<Attribute> attribute(const std::string& name) const;
};

/// Turns a value that a host or a command line has in hand into the type an attribute wants:
/// numbers and booleans into each other where nothing is lost, text only into strings.
Result<Value> convert(const Value& value, AttributeType type, const std::string& attribute);

/// Reads a value of the given type from text, as typed on a command line or in a patch. Tensors
/// and buffers can't be written as text.
Result<Value> parse_value(const std::string& text, AttributeType type,
                          const std::string& attribute);

}  // namespace nnbridge
