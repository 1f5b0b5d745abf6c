// SPDX-License-Identifier: MIT
#include <exception>
#include <sstream>

#include "engine/engine.hpp"
#include "engine/torchscript.hpp"

namespace nnbridge::engine {
namespace {

/// The operations that audio models are made of, as far as they keep something for their next call.
constexpr const char* kProgram = R"(
def forward(self, x: Tensor) -> Tensor:
    y = torch.conv1d(x, torch.ones([4, 2, 3]), None, [1], [1])
    y = torch.conv_transpose1d(torch.relu(y), torch.ones([4, 2, 4]), None, [2], [1])
    y = torch.tanh(y) + 0.01 * torch.randn_like(y)
    y = torch.matmul(y, torch.ones([y.size(-1), 8])).softmax(-1)
    return torch.abs(torch.fft_rfft(y)).cumsum(-1)
)";

/// With everything that model files consist of, since the reader too keeps something of each kind.
void write_module(std::stringstream& file) {
  torch::jit::Module part("__torch__.nnbridge_part");
  part.register_attribute("training", c10::BoolType::get(), true);
  part.register_parameter("weight", torch::ones({2}), false);
  part.register_buffer("state", torch::zeros({2}));
  torch::jit::Module module("__torch__.nnbridge_runtime");
  module.register_attribute("training", c10::BoolType::get(), true);
  module.register_attribute("names", c10::ListType::ofStrings(), c10::List<std::string>({"a"}));
  module.register_attribute("pair", c10::TupleType::create({c10::FloatType::get()}),
                            c10::ivalue::Tuple::create({1.0}));
  module.register_module("part", part);
  module.define(kProgram);
  module.save(file);
}

}  // namespace

void prepare_runtime() noexcept {
  try {
    const ThreadScope scope;
    std::stringstream file;
    write_module(file);
    auto module = torch::jit::load(file);
    module.eval();
    module = copy_state(module, find_weights(module));
    const c10::InferenceMode guard;
    constexpr int kCalls = 3;
    for (int i = 0; i < kCalls; ++i) module.forward({torch::ones({1, 2, 64})});
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): a model will say why
  }
}

}  // namespace nnbridge::engine
