// SPDX-License-Identifier: MIT
//
// Which tensors of a model are weights and which are state. Streams share the former and must not
// share the latter, and a file doesn't say: a parameter may serve as state, and a buffer may never
// change. So the programs of all methods are searched for writes.
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
  bool unknown = false;  ///< something that can't be looked into may write anywhere
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
      default:
        break;
    }
    for (const Block* inner : node->blocks()) collect(inner, aliases, self, writes);
  }
}

}  // namespace

std::vector<at::Tensor> find_weights(const Module& module) {
  Writes writes;
  for (const auto& method : module.get_methods()) {
    const auto graph = method.graph()->copy();
    torch::jit::Inline(*graph);
    // "Frozen" tells the analysis to follow each attribute by itself instead of taking any
    // attribute for any other.
    const torch::jit::AliasDb aliases(graph, /*isFrozen=*/true);
    collect(graph->block(), aliases, graph->inputs().at(0), writes);
    if (writes.unknown) return {};
  }
  // One storage under two names, or seen through a view, is state if either name is written to.
  std::unordered_set<const void*> written;
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  const auto add = [&](const std::string& name, const at::Tensor& tensor) {
    if (!tensor.defined() || !tensor.has_storage()) return;
    if (writes.paths.contains(name)) written.insert(tensor.storage().unsafeGetStorageImpl());
    tensors.emplace_back(name, tensor);
  };
  for (const auto& item : module.named_parameters()) add(item.name, item.value);
  for (const auto& item : module.named_buffers()) add(item.name, item.value);
  std::vector<at::Tensor> weights;
  for (const auto& [name, tensor] : tensors) {
    if (!written.contains(tensor.storage().unsafeGetStorageImpl())) weights.push_back(tensor);
  }
  return weights;
}

Module copy_state(const Module& module, const std::vector<at::Tensor>& weights) {
  IValue::HashIdentityIValueMap memo;
  for (const auto& tensor : weights) memo[IValue(tensor)] = IValue(tensor);
  return Module(module._ivalue()->deepcopy(memo));
}

}  // namespace nnbridge::engine
