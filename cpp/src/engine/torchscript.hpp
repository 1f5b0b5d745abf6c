// SPDX-License-Identifier: MIT
//
// Shared by the torchscript*.cpp files alone: nothing else in nnbridge sees torch.
#pragma once

#include <torch/script.h>

#include <string>
#include <unordered_set>
#include <vector>

#include "nnbridge/contract.hpp"

namespace nnbridge::engine {

/// The model's own words: the last line of what TorchScript or ATen says, without backtraces.
std::string model_message(const std::exception& error);

/// Reads methods, attributes and sample rate in every form in circulation.
Result<Contract> read_contract(const torch::jit::Module& module);

struct Weights {
  std::vector<std::pair<std::string, at::Tensor>> tensors;  ///< what streams may share, by name
  bool program_keeps_state = false;  ///< tracing made state part of the program, which all share
};

/// The parameters of a module that none of its methods changes in place.
Weights find_weights(const torch::jit::Module& module);

/// A copy with a state of its own; the weights stay shared.
torch::jit::Module copy_state(const torch::jit::Module& module, const Weights& weights);

Result<void> set_attribute(torch::jit::Module& module, const Attribute& attribute,
                           const std::vector<Value>& values, at::Device device);

Result<std::vector<Value>> get_attribute(torch::jit::Module& module, const Attribute& attribute);

}  // namespace nnbridge::engine
