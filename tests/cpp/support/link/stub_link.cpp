// SPDX-License-Identifier: MIT
// What an engine defines, for the tests that link no engine: a file whose first word is "stub"
// opens; "slow" behind it takes a moment to, "channels 3 2" makes its method take 3 and give 2,
// "also NAME" gives it another method, "until PATH" makes PATH.begun and waits until there is a
// file PATH.
#include <chrono>
#include <fstream>
#include <thread>

#include "engine/engine.hpp"
#include "engine/float_mode.hpp"
#include "support/stub_engine.hpp"

namespace nnbridge::engine {

Result<std::shared_ptr<Program>> open_program(const std::filesystem::path& path,
                                              const std::string& device) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  if (word != "stub" || device != "cpu") return fail("'" + path.string() + "' is no stub.");
  auto spec = stub::spec();
  while (file >> word) {
    if (word == "slow") std::this_thread::sleep_for(std::chrono::milliseconds(200));
    if (std::string gate; word == "until" && file >> gate) {
      std::ofstream(gate + ".begun") << "\n";
      while (!std::filesystem::exists(gate)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    if (std::string name; word == "also" && file >> name) {
      spec.methods.push_back(stub::method(name));
    }
    int inputs = 0;
    int outputs = 0;
    if (word == "channels" && file >> inputs >> outputs) {
      spec.methods = {stub::method("forward", inputs, outputs)};
    }
  }
  spec.path = path.string();
  return stub::program(spec);
}

void prepare_runtime() noexcept {}

ThreadScope::ThreadScope() : threads_(1), float_mode_(flush_denormals()) {}
ThreadScope::~ThreadScope() { restore_float_mode(float_mode_); }

}  // namespace nnbridge::engine
