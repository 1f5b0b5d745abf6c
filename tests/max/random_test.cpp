// SPDX-License-Identifier: MIT
//
// Whatever a user does to the objects, in whatever order: nothing is read or written where it must
// not be, nothing leaks, and Max refuses nothing. With a stub engine, for the sanitizers.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <random>

#include "host.hpp"
#include "support/temporary.hpp"

namespace max_host {
namespace {

const std::array<const char*, 4> kClasses{"nn~", "mc.nn~", "mcs.nn~", "nn.info"};

void load_externals() {
  static bool loaded = false;
  if (std::exchange(loaded, true)) return;
  set_place(Place::kMain);
  for (const char* name : kClasses) {
    const auto file = std::string(NNBRIDGE_MAX_EXTERNALS) + "/" + name + ".so";
    void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << dlerror();
    reinterpret_cast<void (*)(void*)>(dlsym(library, "ext_main"))(nullptr);
  }
}

/// One patcher and one user, whose whims a seed decides.
class Patcher {
 public:
  explicit Patcher(unsigned int seed) : random_(seed) {
    write("one", "stub");
    write("slow", "stub slow");
    write("wide", "stub channels 3 2");
    write("broken", "nothing");
    set_search_path({nnbridge::test::temporary_folder().string()});
  }

  void act() {
    switch (pick(14)) {
      case 0:
      case 1:
        return make();
      case 2:
        if (const auto id = any(); !id.empty()) destroy(find(id));
        return;
      case 3:
      case 4:
        return compile_one();
      case 5:
      case 6:
        return run_one();
      case 7:
        return pass(pick(60));
      case 8:
        return toggle_audio();
      case 9:
        return change_buffer();
      case 10:
        return set_any_attribute();
      default:
        return send_anything();
    }
  }

  void quit() {
    if (running_) stop();
    for (const auto& id : ids()) destroy(find(id));
    free_buffer("loop");
    said();
  }

 private:
  int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned int>(count)); }
  template <std::size_t N>
  std::string one_of(const std::array<const char*, N>& all) {
    return all[static_cast<std::size_t>(pick(static_cast<int>(N)))];
  }
  void write(const std::string& name, const std::string& content) {
    std::ofstream(nnbridge::test::temporary_folder() / (name + ".ts")) << content;
  }

  std::string model() {
    return one_of(std::array{"one", "one", "wide", "wide", "slow", "broken", "nowhere"});
  }

  /// Of every type, and often of the wrong one.
  Json word() {
    switch (pick(5)) {
      case 0:
        return pick(5) - 1;
      case 1:
        return 0.25 * pick(9) - 0.5;
      case 2:
        return model();
      default:
        return one_of(std::array{"gain", "offset", "on", "steps", "name", "shape", "sample", "pair",
                                 "refuses", "loop", "dry", "silence", "forward", ""});
    }
  }

  std::string any() {
    const auto all = ids();
    return all.empty() ? "" : all[static_cast<std::size_t>(pick(static_cast<int>(all.size())))];
  }

  void make() {
    if (ids().size() >= 6) return;
    const auto kind = one_of(kClasses);
    Json words = Json::array();
    if (pick(4) == 0) {
      words = {"void", pick(4), pick(4)};
    } else if (pick(8) != 0) {
      words.push_back(model());
      if (pick(2)) words.push_back(pick(3) ? "forward" : "nonsense");
      // Of mcs.nn~ the first number is that of its inlets.
      if (kind == "mcs.nn~") words.push_back(1 + pick(3));
      if (pick(2))
        words.push_back(std::array{0, 1, 2, 512, 3000}[static_cast<std::size_t>(pick(5))]);
      if (pick(3) == 0) words.insert(words.end(), {pick(4), pick(4)});
    }
    for (const char* attribute : {"@enable", "@gpu", "@track_buffers", "@chans", "@dict"}) {
      if (pick(5) == 0) words.insert(words.end(), {attribute, word()});
    }
    create(kind, "object" + std::to_string(++made_), to_atoms(words));
  }

  void compile_one() {
    const auto id = any();
    if (id.empty() || !record(find(id), "test").dsp_set_up) return;
    std::vector<long> counts(static_cast<std::size_t>(record(find(id), "test").inlets));
    for (auto& count : counts) count = 1 + pick(5);
    const long vector = std::array{16, 64, 512, 1024}[static_cast<std::size_t>(pick(4))];
    compile(find(id), pick(2) ? 44100 : 48000, vector, counts);
    signals_[id] = 0;
    for (const long count : counts)
      signals_[id] += record(find(id), "test").type->attribute("chans") ? count : 1;
    vectors_[id] = vector;
  }

  void run_one() {
    const auto id = any();
    if (running_ || !signals_.count(id)) return;
    const auto frames = static_cast<std::size_t>(vectors_[id] * (1 + pick(20)));
    const Rows in(static_cast<std::size_t>(signals_[id]), std::vector<double>(frames, 0.5));
    for (const auto& row : run(find(id), in, [](long) {})) {
      for (const double sample : row) ASSERT_TRUE(std::isfinite(sample));
    }
  }

  void toggle_audio() {
    if (std::exchange(running_, !running_)) {
      stop();
    } else {
      start(0.001);
    }
  }

  void change_buffer() {
    if (pick(3) == 0) return free_buffer("loop");
    const long channels = 1 + pick(3);
    std::vector<float> samples(static_cast<std::size_t>(channels * pick(200)));
    set_buffer("loop", channels, 44100, samples);
  }

  void set_any_attribute() {
    const auto id = any();
    if (id.empty()) return;
    const auto& all = record(find(id), "test").type->attributes;
    const auto& name = all[static_cast<std::size_t>(pick(static_cast<int>(all.size())))].first;
    from_somewhere([&] { set_attribute(find(id), name, to_atoms(Json::array({word()}))); });
  }

  void send_anything() {
    const auto id = any();
    if (id.empty()) return;
    const auto& methods = record(find(id), "test").type->methods;
    auto chosen = methods.begin();
    std::advance(chosen, pick(static_cast<int>(methods.size())));
    if (chosen->second.types == Types{A_CANT}) {
      if (chosen->first == "assist") assist(find(id), pick(2) != 0, pick(8));
      return;
    }
    Json words = Json::array();
    for (int i = pick(4); i > 0 && chosen->first != "bang"; --i) words.push_back(word());
    from_somewhere([&] { send(find(id), chosen->first, to_atoms(words)); });
  }

  void from_somewhere(const std::function<void()>& act) {
    if (pick(2)) return act();
    scheduler().call(act);
    serve_queue();
  }

  std::mt19937 random_;
  int made_ = 0;
  bool running_ = false;
  std::map<std::string, long> signals_;  // that come into an object compiled
  std::map<std::string, long> vectors_;
};

class MaxObjects : public testing::TestWithParam<unsigned int> {};

constexpr unsigned int kGroups = 20;
constexpr unsigned int kSequences = 10;  // of each group

TEST_P(MaxObjects, StandWhateverIsDoneToThem) {
  load_externals();
  constexpr int kActs = 30;
  for (unsigned int sequence = 0; sequence < kSequences; ++sequence) {
    SCOPED_TRACE(sequence);
    Patcher patcher(1 + GetParam() * kSequences + sequence);
    for (int act = 0; act < kActs; ++act) patcher.act();
    patcher.quit();
  }
}

INSTANTIATE_TEST_SUITE_P(Groups, MaxObjects, testing::Range(0U, kGroups));

}  // namespace
}  // namespace max_host
