// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string>
#include <vector>

#include "backend.hpp"
#include "parameters.hpp"

namespace nnbridge::plugin {

/// What the window looks at while it is open, besides the parameters that a host passes on to it.
///
/// The window reads it where it lies, in the plugin's own memory: texts and traces in a host's
/// parameters or messages would be 16 more outputs and a protocol for each format, and would stand
/// still while a host doesn't process. VST3 and CLAP keep both in one process anyway; LV2 asks its
/// host for the same ("instance-access"), and a host without it shows its own sliders.
///
/// [main] What the audio thread and the model's thread write is read from atomics: no window ever
/// makes them wait.
class Live {
 public:
  virtual ~Live() = default;

  /// The latest latent values, as the model got them.
  virtual std::array<float, kLatents> latents() const = 0;
  /// Of a parameter.
  virtual float value(unsigned parameter) const = 0;
  virtual double sample_rate() const = 0;
  /// The chosen file's path, perhaps of one that is not there.
  virtual std::string model() const = 0;
  /// What is wrong, in a sentence, or nothing.
  virtual std::string problem() const = 0;
  /// What the model brings along, if that has changed since `seen`, which it updates.
  virtual bool described(int& seen, Description& description) const = 0;
  /// The names of the files that the parameter Model chooses from.
  virtual std::vector<std::string> models() const = 0;
};

}  // namespace nnbridge::plugin
