// SPDX-License-Identifier: MIT
//
// Which tensors of a model are weights and which are state. Streams share the former and must not
// share the latter, and a file doesn't say. Only parameters can be weights here: buffers and other
// tensors are always copied. And a parameter may serve as state, so the programs of all methods are
// searched for writes, and `TorchProgram` looks for what the search missed by running them.
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/passes/inliner.h>

#include "engine/torchscript.hpp"

namespace nnbridge::engine {
namespace {

using torch::jit::Block;
using torch::jit::IValue;
using torch::jit::Module;
using torch::jit::Node;
using torch::jit::Value;

/// "encoder.conv.cache" for a chain of attribute reads that starts at the module itself.
std::optional<std::string> path_of(const Value* value, const Value* self) {
  std::string path;
  while (value != self) {
    const Node* node = value->node();
    if (node->kind() != c10::prim::GetAttr) return std::nullopt;
    const std::string& name = node->s(c10::attr::name);
    path = path.empty() ? name : c10::str(name, ".", path);
    value = node->input();
  }
  return path;
}

struct Writes {
  std::unordered_set<std::string> paths;
  bool unknown = false;   ///< something that can't be looked into may write anywhere
  bool constant = false;  ///< into a tensor that is part of the program
};

void collect(const Block* block, const torch::jit::AliasDb& aliases, const Value* self,
             Writes& writes) {
  for (const Node* node : block->nodes()) {
    switch (node->kind()) {
      case c10::prim::CallMethod:
      case c10::prim::CallFunction:
      case c10::prim::fork:
        writes.unknown = true;
        break;
      case c10::prim::GetAttr:
        if (aliases.hasWriters(node->output())) {
          if (auto path = path_of(node->output(), self)) writes.paths.insert(std::move(*path));
        }
        break;
      case c10::prim::Constant:
        if (node->output()->type()->kind() == c10::TypeKind::TensorType &&
            aliases.hasWriters(node->output())) {
          writes.constant = true;
        }
        break;
      default:
        break;
    }
    for (const Block* inner : node->blocks()) collect(inner, aliases, self, writes);
  }
}

}  // namespace

Weights find_weights(const Module& module) {
  Writes writes;
  try {
    for (const auto& method : module.get_methods()) {
      const auto graph = method.graph()->copy();
      torch::jit::Inline(*graph);
      // "Frozen" tells the analysis to follow each attribute by itself instead of taking any
      // attribute for any other.
      const torch::jit::AliasDb aliases(graph, /*isFrozen=*/true);
      collect(graph->block(), aliases, graph->inputs().at(0), writes);
    }
  } catch (const std::exception&) {
    writes.unknown = true;  // a program beyond the analysis: nothing is shared
  }
  Weights weights{.tensors = {}, .program_keeps_state = writes.constant};
  if (writes.unknown || writes.constant) return weights;
  // One storage under two names, or seen through a view, is state if either name is written to; a
  // buffer that shares a parameter's storage makes it state too.
  std::unordered_set<const void*> state;
  for (const auto& item : module.named_buffers()) {
    if (item.value.defined() && item.value.has_storage()) {
      state.insert(item.value.storage().unsafeGetStorageImpl());
    }
  }
  const auto parameters = module.named_parameters();
  for (const auto& item : parameters) {
    if (item.value.has_storage() && writes.paths.contains(item.name)) {
      state.insert(item.value.storage().unsafeGetStorageImpl());
    }
  }
  for (const auto& item : parameters) {
    if (item.value.has_storage() && !state.contains(item.value.storage().unsafeGetStorageImpl())) {
      weights.tensors.emplace_back(item.name, item.value);
    }
  }
  return weights;
}

Module copy_state(const Module& module, const Weights& weights) {
  IValue::HashIdentityIValueMap memo;
  for (const auto& [name, tensor] : weights.tensors) memo[IValue(tensor)] = IValue(tensor);
  return Module(module._ivalue()->deepcopy(memo));
}

}  // namespace nnbridge::engine
