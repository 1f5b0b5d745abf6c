// SPDX-License-Identifier: MIT
#include "nnbridge/player.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <future>
#include <numeric>
#include <random>
#include <thread>

#include "support/temporary.hpp"

namespace nnbridge {
namespace {

using Kind = PlayerEvent::Kind;

constexpr int kCall = 64;

/// A file of this test that the stub engine opens, or one that it doesn't.
std::filesystem::path file(const std::string& name, const std::string& content = "stub") {
  const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
  const auto path = nnbridge::test::temporary_folder() / (test + "_" + name);
  std::ofstream(path) << content;
  return path;
}

/// What a host does: calls of one size, and a look at the events now and then.
class Host {
 public:
  explicit Host(Player& player, bool offline = false) : player_(player) {
    const auto ready =
        player.prepare({.sample_rate = 44100, .block = kCall, .burst = 0, .offline = offline});
    EXPECT_TRUE(ready) << ready.error().message;
  }

  /// Plays ramp samples 1, 2, 3 …, and returns what came out.
  std::vector<float> play(int calls) {
    std::vector<float> heard;
    for (int call = 0; call < calls; ++call) {
      std::vector<float> in(kCall);
      std::iota(in.begin(), in.end(), static_cast<float>(played_ + 1));
      std::vector<float> out(kCall, -1);
      const float* from = in.data();
      float* to = out.data();
      player_.process(&from, 1, &to, 1, kCall);
      played_ += kCall;
      heard.insert(heard.end(), out.begin(), out.end());
      collect();
    }
    return heard;
  }

  /// Plays at an easy pace until an event of this kind comes.
  std::optional<PlayerEvent> play_until(Kind kind) {
    for (int call = 0; call < 3000; ++call) {
      play(1);
      if (auto found = take(kind)) return found;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return std::nullopt;
  }

  /// Plays at the same pace until something is heard.
  bool is_heard() {
    for (int call = 0; call < 3000; ++call) {
      if (play(1).back() != 0) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

  std::optional<PlayerEvent> take(Kind kind) {
    const auto found = std::find_if(events_.begin(), events_.end(),
                                    [&](const auto& event) { return event.kind == kind; });
    if (found == events_.end()) return std::nullopt;
    auto event = *found;
    events_.erase(found);
    return event;
  }

  void collect() {
    for (auto& event : player_.poll()) events_.push_back(std::move(event));
  }

  int played() const { return played_; }

 private:
  Player& player_;
  int played_ = 0;
  std::vector<PlayerEvent> events_;
};

PlayerSettings sized(int block) {
  PlayerSettings settings;
  settings.block = block;
  return settings;
}

TEST(Player, IsSilentWithoutAModelAndSaysWhyNothingCanBeSet) {
  Player player(1, 1);
  Host host(player);
  for (const float sample : host.play(4)) EXPECT_EQ(sample, 0);
  player.set("gain", {1.0}, nullptr);
  player.get("gain");
  host.play(1);
  EXPECT_TRUE(host.take(Kind::kError));
  EXPECT_TRUE(host.take(Kind::kError));
  EXPECT_FALSE(player.info().contract);
  EXPECT_FALSE(player.stats());
}

TEST(Player, PlaysAnOpenedFileFromTheFirstSampleOn) {
  for (const int block : {0, 512}) {
    Player player(1, 1);
    ASSERT_TRUE(player.open(file("first.ts"), sized(block)));
    Host host(player, true);
    const auto latency = player.info().latency;
    ASSERT_TRUE(latency);
    const auto heard = host.play(100);
    for (std::size_t i = 0; i < heard.size(); ++i) {
      const int source = static_cast<int>(i) + 1 - latency->stream;
      ASSERT_EQ(heard[i], static_cast<float>(std::max(source, 0))) << "block " << block;
    }
  }
}

TEST(Player, LoadsWhileAudioRunsAndTellsWhenItIsHeard) {
  Player player(1, 1, sized(512));
  Host host(player);
  player.load(file("loaded.ts"));
  const auto event = host.play_until(Kind::kLoaded);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->text, file("loaded.ts").string());
  EXPECT_EQ(player.info().chain.name, "forward");
  // A second one, while the first plays.
  player.load(file("loaded2.ts"));
  ASSERT_TRUE(host.play_until(Kind::kLoaded));
  EXPECT_EQ(player.info().path, file("loaded2.ts"));
}

TEST(Player, PlaysOnWhenAFileIsNoModel) {
  Player player(1, 1);
  ASSERT_TRUE(player.open(file("good.ts"), sized(512)));
  Host host(player);
  player.load(file("bad.ts", "garbage"));
  const auto event = host.play_until(Kind::kError);
  ASSERT_TRUE(event);
  EXPECT_EQ(player.info().path, file("good.ts"));
  EXPECT_EQ(player.settings().block, 512);
}

TEST(Player, PlaysOnWhenTheHostPreparesAgainDuringALoad) {
  Player player(1, 1);
  ASSERT_TRUE(player.open(file("playing.ts"), sized(0)));
  Host host(player);
  host.play(4);
  player.load(file("slow.ts", "stub slow"));
  for (int call = 0; call < 40; ++call) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (call % 4 == 0) player.prepare({.sample_rate = 44100, .block = kCall});
    for (const float sample : host.play(1)) ASSERT_GT(sample, 0) << call;
  }
  EXPECT_TRUE(host.play_until(Kind::kLoaded));
}

TEST(Player, IsHeardAgainWhenTheHostChangedTwiceDuringALoad) {
  Player player(1, 1);
  ASSERT_TRUE(player.open(file("playing.ts"), sized(512)));
  Host host(player);
  host.play(4);
  player.load(file("slow.ts", "stub slow"));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  player.prepare({.sample_rate = 48000, .block = kCall});
  player.prepare({.sample_rate = 44100, .block = kCall});
  EXPECT_TRUE(host.is_heard());
}

TEST(Player, RefusesAModelThatHasMoreChannelsThanTheObject) {
  Player player(0, 0);
  ASSERT_TRUE(player.open(file("channels.ts"), sized(512)));
  Player narrow(1, 1);
  PlayerSettings settings = sized(512);
  settings.method = "missing";
  ASSERT_TRUE(narrow.open(file("channels.ts"), settings)) << "falls back to forward";
  EXPECT_EQ(narrow.info().chain.name, "forward");
}

/// A file that takes as long to open as a test wants.
class Held {
 public:
  explicit Held(const std::string& name, const std::string& more = "")
      : gate_(file(name + ".gate", "")), path_(file(name, "stub until " + gate_.string() + more)) {
    std::filesystem::remove(gate_);
    std::filesystem::remove(gate_.string() + ".begun");
  }
  ~Held() { let_go(); }  // or the control thread would wait for ever
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  const std::filesystem::path& path() const { return path_; }

  void wait_until_begun() const {
    while (!std::filesystem::exists(gate_.string() + ".begun")) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void let_go() const { std::ofstream(gate_) << "\n"; }

 private:
  std::filesystem::path gate_;
  std::filesystem::path path_;
};

/// A player whose control thread is held up by a file: what it is asked for now becomes one change.
class OneChange : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(player_.open(file("good.ts"), sized(512)));
    host_.emplace(player_);
    player_.load(held_.path());
    held_.wait_until_begun();
  }
  void TearDown() override { held_.let_go(); }

  /// Plays until the change is done, and returns the errors told.
  std::vector<std::string> errors() {
    held_.let_go();
    std::vector<std::string> told;
    while (player_.standing() == PlayerStanding::kLoading) {
      host_->play(1);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    for (int call = 0; call < 100; ++call) {
      host_->play(1);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    while (const auto error = host_->take(Kind::kError)) told.push_back(error->text);
    return told;
  }

  int told(Kind kind) {
    int count = 0;
    while (host_->take(kind)) ++count;
    return count;
  }

  double gain() {
    player_.get("gain");
    const auto told = host_->play_until(Kind::kValue);
    return told ? std::get<double>(told->values.at(0)) : -1.0;
  }

  PlayerSettings with_method(const std::string& name) const {
    PlayerSettings settings = player_.settings();
    settings.method = name;
    return settings;
  }

  const Held held_{"held.ts"};
  Player player_{1, 1};
  std::optional<Host> host_;
};

TEST_F(OneChange, KeepsSettingsWhenItsFileCannotBeRead) {
  player_.load(file("bad.ts", "garbage"));
  player_.change(sized(1024));
  const auto why = errors();
  ASSERT_EQ(why.size(), 1U);
  EXPECT_NE(why[0].find("bad.ts"), std::string::npos) << why[0];
  EXPECT_EQ(player_.info().path, held_.path());
  EXPECT_EQ(player_.info().block, 1024);
  EXPECT_EQ(player_.settings().block, 1024);
  EXPECT_EQ(told(Kind::kLoaded), 1) << "the held file's";
  EXPECT_EQ(told(Kind::kChanged), 1);
  EXPECT_EQ(player_.standing(), PlayerStanding::kFailed) << "the load was for nothing";
  EXPECT_TRUE(host_->is_heard());
}

TEST_F(OneChange, KeepsSettingsWhenItsMethodIsNotThere) {
  player_.change(with_method("nosuch"));
  auto settings = player_.settings();
  settings.block = 1024;
  player_.change(settings);
  const auto why = errors();
  ASSERT_EQ(why.size(), 1U);
  EXPECT_NE(why[0].find("nosuch"), std::string::npos) << why[0];
  EXPECT_EQ(player_.info().block, 1024);
  EXPECT_EQ(player_.settings().method, "forward");
  EXPECT_EQ(told(Kind::kMethod), 0);
}

TEST_F(OneChange, KeepsTheFileWhenTheMethodAskedForBehindItIsNotThere) {
  player_.load(file("after.ts"));
  player_.change(with_method("nosuch"));
  ASSERT_EQ(errors().size(), 1U);
  EXPECT_EQ(player_.info().path, file("after.ts"));
  EXPECT_EQ(player_.info().chain.name, "forward");
  EXPECT_EQ(told(Kind::kLoaded), 2);
  EXPECT_EQ(told(Kind::kMethod), 0);
}

TEST_F(OneChange, KeepsTheFileWhenASettingDoesNotFit) {
  auto settings = sized(512);
  settings.deadline = 99999;
  player_.change(settings);
  player_.load(file("after.ts"));
  const auto why = errors();
  ASSERT_EQ(why.size(), 1U);
  EXPECT_NE(why[0].find("deadline"), std::string::npos) << why[0];
  EXPECT_EQ(player_.info().path, file("after.ts"));
  EXPECT_FALSE(player_.settings().deadline);
}

TEST_F(OneChange, KeepsSettingsWhenDeviceFileAndMethodAllFail) {
  player_.load(file("bad.ts", "garbage"));
  auto settings = with_method("nosuch");
  settings.device = "nowhere";
  settings.block = 1024;
  player_.change(settings);
  ASSERT_EQ(errors().size(), 1U);
  EXPECT_EQ(player_.info().path, held_.path());
  EXPECT_EQ(player_.info().block, 1024);
  EXPECT_EQ(player_.settings().device, "cpu");
}

TEST_F(OneChange, IsToldOnceWhenAnotherFollowsWhileItFails) {
  const Held bad("bad.ts", " channels 3 2");
  player_.load(bad.path());
  held_.let_go();
  bad.wait_until_begun();
  player_.change(sized(1024));
  bad.let_go();
  ASSERT_EQ(errors().size(), 1U);
  EXPECT_EQ(player_.info().path, held_.path());
  EXPECT_EQ(player_.info().block, 1024);
  EXPECT_EQ(player_.standing(), PlayerStanding::kReady) << "the latest change was fulfilled";
}

TEST_F(OneChange, LeavesAMethodToTheNextFileWhenItsOwnFileFails) {
  const Held bad("bad.ts", " channels 3 2");
  player_.load(bad.path());
  player_.change(with_method("extra"));
  held_.let_go();
  bad.wait_until_begun();
  player_.load(file("after.ts", "stub also extra"));
  bad.let_go();
  ASSERT_EQ(errors().size(), 1U);
  EXPECT_EQ(player_.info().path, file("after.ts", "stub also extra"));
  EXPECT_EQ(player_.info().chain.name, "extra");
}

TEST_F(OneChange, KeepsTheHostWhenItsFileCannotBeRead) {
  player_.load(file("bad.ts", "garbage"));
  player_.prepare({.sample_rate = 48000, .block = kCall});
  ASSERT_EQ(errors().size(), 1U);
  EXPECT_EQ(player_.info().rate, 48000);
  EXPECT_TRUE(host_->is_heard());
}

TEST_F(OneChange, IsHeardWhenItsFileCannotBeReadAndTheHostChangedToAndFro) {
  player_.load(file("bad.ts", "garbage"));
  player_.prepare({.sample_rate = 48000, .block = kCall});
  player_.prepare({.sample_rate = 44100, .block = kCall});
  ASSERT_EQ(errors().size(), 1U);
  EXPECT_TRUE(host_->is_heard());
}

TEST_F(OneChange, BringsNoAttributeOfTheFileBeforeIntoTheNext) {
  player_.set("gain", {0.25}, nullptr);  // of what loads now
  player_.load(file("next.ts"));
  EXPECT_TRUE(errors().empty());
  EXPECT_EQ(player_.info().path, file("next.ts"));
  EXPECT_EQ(gain(), 1.0);
}

TEST_F(OneChange, KeepsAnAttributeWhenTheNextFileCannotBeRead) {
  player_.set("gain", {0.25}, nullptr);
  player_.load(file("bad.ts", "garbage"));
  EXPECT_EQ(errors().size(), 1U);
  EXPECT_EQ(player_.info().path, held_.path());
  EXPECT_EQ(gain(), 0.25);
}

TEST(Player, KeepsSettingsForTheNextFileWhenTheFirstCannotBeRead) {
  Player player(1, 1, sized(512));
  Host host(player);
  player.load(file("bad.ts", "garbage"));
  player.change(sized(1024));
  ASSERT_TRUE(host.play_until(Kind::kError));
  while (player.standing() == PlayerStanding::kLoading) host.play(1);
  EXPECT_EQ(player.standing(), PlayerStanding::kFailed);
  host.collect();
  EXPECT_FALSE(host.take(Kind::kError)) << "told once";
  player.load(file("good.ts"));
  ASSERT_TRUE(host.play_until(Kind::kLoaded));
  EXPECT_EQ(player.info().block, 1024);
}

TEST(Player, SetsBehindALoadGoToTheNewModel) {
  Player player(1, 1);
  ASSERT_TRUE(player.open(file("before.ts"), sized(512)));
  Host host(player);
  player.set("gain", {0.25}, nullptr);
  player.load(file("after.ts"));
  player.set("gain", {0.5}, nullptr);
  player.get("gain");
  const auto event = host.play_until(Kind::kValue);
  ASSERT_TRUE(event);
  EXPECT_EQ(player.info().path, file("after.ts"));
  EXPECT_EQ(std::get<double>(event->values.at(0)), 0.5);
}

TEST(Player, KeepsAttributesWhenSettingsChange) {
  Player player(1, 1);
  ASSERT_TRUE(player.open(file("kept.ts"), sized(512)));
  Host host(player);
  player.set("gain", {0.5}, nullptr);
  for (const int block : {0, 1024, 0, 128}) player.change(sized(block));
  ASSERT_TRUE(host.play_until(Kind::kChanged));
  EXPECT_EQ(player.info().block, 128);
  player.get("gain");
  const auto event = host.play_until(Kind::kValue);
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<double>(event->values.at(0)), 0.5);
}

TEST(Player, BringsNothingOldBackAfterASwitchOrAGap) {
  for (const bool offline : {true, false}) {
    for (const bool gap : {true, false}) {
      Player player(1, 1);
      ASSERT_TRUE(player.open(file("switched.ts"), sized(4096)));
      Host host(player, offline);
      host.play(200);
      if (gap) {
        player.restart();
      } else {
        player.enable(false);
        host.play(100);  // time for the fade
        for (const float sample : host.play(4)) EXPECT_EQ(sample, 0);
        player.enable(true);
      }
      const int before = host.played();
      float loudest = 0;
      for (int call = 0; call < 400; ++call) {
        for (const float sample : host.play(1)) {
          loudest = std::max(loudest, sample);
          // Faded in, a sample is lower than its source; none is from before.
          ASSERT_TRUE(sample == 0 || host.played() - sample <= host.played() - before ||
                      sample < static_cast<float>(before))
              << sample;
        }
        if (!offline) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      EXPECT_GT(loudest, static_cast<float>(before))
          << "it plays again; offline " << offline << ", gap " << gap;
    }
  }
}

TEST(Player, ComesBackAfterAGapWhileAnotherPlayerLoads) {
  Player player(1, 1);
  ASSERT_TRUE(player.open(file("back.ts"), sized(512)));
  Host host(player);
  Player other(1, 1);
  Host other_host(other);
  const Held held("held.ts");
  other.load(held.path());
  held.wait_until_begun();
  host.play(100);
  player.restart();
  EXPECT_TRUE(host.is_heard());
  held.let_go();
}

TEST(Player, IsPreparedForAnotherHostWithoutWaitingForALoadThatWaitsForItsTurn) {
  Player player(1, 1);
  ASSERT_TRUE(player.open(file("playing.ts"), sized(512)));
  Host host(player);
  Player other(1, 1);
  const Held first("first.ts");
  const Held second("second.ts");
  other.load(first.path());
  first.wait_until_begun();
  player.load(second.path());
  auto prepared = std::async(std::launch::async, [&] {
    return player.prepare({.sample_rate = 48000, .block = kCall}).has_value();
  });
  EXPECT_EQ(prepared.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  first.let_go();
  second.let_go();
  EXPECT_TRUE(prepared.get());
  ASSERT_TRUE(host.play_until(Kind::kLoaded));
  EXPECT_EQ(player.info().path, second.path());
  EXPECT_EQ(player.info().rate, 48000);
  EXPECT_TRUE(host.is_heard());
}

TEST(Player, PlaysNothingThatWasMadeForTheHostBefore) {
  Player player(1, 1);
  ASSERT_TRUE(player.open(file("playing.ts"), sized(512)));
  Host host(player);
  const Held first("first.ts");
  const Held second("second.ts");
  player.load(first.path());
  first.wait_until_begun();
  player.prepare({.sample_rate = 48000, .block = kCall});
  player.load(second.path());
  first.let_go();  // which is ready for 44100 Hz now
  second.wait_until_begun();
  for (int call = 0; call < 100; ++call) {
    for (const float sample : host.play(1)) ASSERT_EQ(sample, 0) << call;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  second.let_go();
  ASSERT_TRUE(host.play_until(Kind::kLoaded));
  EXPECT_TRUE(host.is_heard());
  EXPECT_EQ(player.info().rate, 48000);
  EXPECT_EQ(player.info().path, second.path());
}

TEST(Player, IsHeardWhateverTheHostWasWhileItLoaded) {
  Player player(1, 1);
  ASSERT_TRUE(player.open(file("playing.ts"), sized(512)));
  const PlayerHost bounce{.sample_rate = 44100, .block = kCall, .burst = 0, .offline = true};
  const PlayerHost live{.sample_rate = 48000, .block = kCall};
  for (int round = 0; round < 100; ++round) {
    Host host(player, true);
    player.load(file("other.ts"));
    if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(30 * round));
    ASSERT_TRUE(player.prepare(live));
    if (round % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(20 * round));
    ASSERT_TRUE(player.prepare(bounce));
    ASSERT_TRUE(host.is_heard()) << round;
  }
}

TEST(Player, IsHeardInTheEndWhateverHasBeenDoneToIt) {
  for (unsigned int seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](unsigned int count) { return static_cast<int>(random() % count); };
    const auto flip = [&] { return pick(2) == 0; };
    Player player(1, 1);
    Host host(player, flip());
    const auto host_changes = [&] {
      const PlayerHost next{
          .sample_rate = flip() ? 44100 : 48000, .block = kCall, .burst = 0, .offline = flip()};
      EXPECT_TRUE(player.prepare(next));
    };
    std::string done;
    bool on = true;
    for (int step = 0; step < 12; ++step) {
      const int what = pick(8);
      done += std::to_string(what) + " ";
      if (what == 0) player.load(file("one.ts"));
      if (what == 1) player.load(file("slow.ts", "stub slow"));
      if (what == 2 && player.info().contract) player.load(file("bad.ts", "garbage"));
      if (what == 3) host_changes();
      if (what == 4) player.change(sized(flip() ? 512 : 0));
      if (what == 5) player.enable(on = !on);
      if (what == 6) player.restart();
      if (what == 7) host.play(pick(40));
      if (flip()) std::this_thread::sleep_for(std::chrono::microseconds(pick(3000)));
    }
    player.enable(true);
    if (done.find_first_of("01") == std::string::npos) player.load(file("one.ts"));
    if (flip()) host_changes();
    EXPECT_TRUE(host.is_heard()) << "seed " << seed << ": " << done;
  }
}

TEST(Player, IsHeardAfterNoMoreThanItsLatencyWhenSwitchedOnAgain) {
  Player player(1, 1);
  ASSERT_TRUE(player.open(file("shorter.ts"), sized(8192)));
  Host host(player, true);
  host.play(200);
  player.change(sized(256));
  ASSERT_TRUE(host.play_until(Kind::kChanged));
  player.enable(false);
  host.play(100);
  player.enable(true);
  const auto heard = host.play(200);
  const auto first = std::find_if(heard.begin(), heard.end(), [](float x) { return x != 0; });
  const auto silent = static_cast<int>(first - heard.begin());
  EXPECT_LE(silent, player.info().latency->stream + 1) << "the fade begins at nothing";
}

TEST(Player, CanBeDestroyedWhileItLoadsAndWhileItPlays) {
  for (int round = 0; round < 20; ++round) {
    auto player = std::make_unique<Player>(1, 1, sized(256));
    Host host(*player);
    player->load(file("gone.ts"));
    host.play(round);
    player->change(sized(round % 2 == 0 ? 0 : 512));
    host.play(round);
  }
}

TEST(Player, GivesTheLatencyOfNnTildeWhenAsked) {
  Player player(1, 1);
  PlayerSettings settings = sized(1500);
  settings.nn_timing = true;
  ASSERT_TRUE(player.open(file("compat.ts"), settings));
  Host host(player, true);
  EXPECT_EQ(player.info().block, 2048);
  EXPECT_EQ(player.info().latency->stream, 2 * 2048 - kCall);
}

Attribute attribute(std::vector<AttributeType> types) {
  Attribute made;
  made.name = "thing";
  made.types = std::move(types);
  return made;
}

template <class T>
T only(const Result<std::vector<Value>>& values) {
  return std::get<T>(values.value().at(0));
}

TEST(Words, AreTypedByTheAttribute) {
  const auto whole = attribute({AttributeType::kInt});
  const auto truth = attribute({AttributeType::kBool});
  const auto real = attribute({AttributeType::kFloat});
  const auto text = attribute({AttributeType::kString});
  EXPECT_EQ(only<std::int64_t>(to_values(whole, {2.9}, nullptr)), 2);
  EXPECT_EQ(only<std::int64_t>(to_values(whole, {-2.9}, nullptr)), -2);
  EXPECT_FALSE(only<bool>(to_values(truth, {0.0}, nullptr)));
  EXPECT_TRUE(only<bool>(to_values(truth, {0.5}, nullptr)));
  EXPECT_TRUE(only<bool>(to_values(truth, {std::string("true")}, nullptr)));
  EXPECT_EQ(only<double>(to_values(real, {1.25e-7}, nullptr)), 1.25e-7);
  EXPECT_EQ(only<std::string>(to_values(text, {5.0}, nullptr)), "5");
  EXPECT_FALSE(to_values(real, {std::string("loud")}, nullptr));
  EXPECT_FALSE(to_values(real, {1.0, 2.0}, nullptr));
}

TEST(Words, NameArraysForTensorsAndBuffers) {
  const ArrayReader arrays = [](const std::string& name) -> std::optional<BufferValue> {
    if (name != "there") return std::nullopt;
    return BufferValue{.channels = 1, .frames = 3, .sample_rate = 8000, .samples = {1, 2, 3}};
  };
  const auto tensor = attribute({AttributeType::kTensor});
  const auto buffer = attribute({AttributeType::kBuffer});
  EXPECT_EQ(only<TensorValue>(to_values(tensor, {std::string("there")}, arrays)).data.size(), 3U);
  EXPECT_EQ(only<BufferValue>(to_values(buffer, {std::string("there")}, arrays)).frames, 3);
  EXPECT_FALSE(to_values(buffer, {std::string("nowhere")}, arrays));
  EXPECT_FALSE(to_values(buffer, {1.0}, arrays));
}

TEST(Words, AreWrittenWithAsManyDigitsAsTheyNeed) {
  EXPECT_EQ(to_text(Value(0.1)), "0.1");
  EXPECT_EQ(to_text(Value(static_cast<double>(0.1F))), "0.1");
  EXPECT_EQ(to_text(Value(1.25e-7)), "1.25e-07");
  EXPECT_EQ(to_text(Value(true)), "true");
  EXPECT_EQ(to_text(Value(std::int64_t{-3})), "-3");
}

}  // namespace
}  // namespace nnbridge
