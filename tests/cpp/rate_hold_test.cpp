// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <vector>

#include "rate/hold.hpp"

using nnbridge::rate::hold;
using nnbridge::rate::keep_last;

TEST(Hold, GoingInTheLastSampleOfEachGroupCounts) {
  const std::vector<float> in{1, 2, 3, 4, 5, 6};
  std::vector<float> out(2);
  keep_last(in.data(), 2, 3, out.data());
  EXPECT_EQ(out, (std::vector<float>{3, 6}));
}

TEST(Hold, ComingOutEachValueIsHeld) {
  const std::vector<float> in{1, 2};
  std::vector<float> out(6);
  hold(in.data(), 2, 3, out.data());
  EXPECT_EQ(out, (std::vector<float>{1, 1, 1, 2, 2, 2}));
}

TEST(Hold, RatioOneChangesNothing) {
  const std::vector<float> in{1, -2, 3};
  std::vector<float> kept(3);
  std::vector<float> held(3);
  keep_last(in.data(), 3, 1, kept.data());
  hold(in.data(), 3, 1, held.data());
  EXPECT_EQ(kept, in);
  EXPECT_EQ(held, in);
}

TEST(Hold, WhatIsHeldIsKeptUnchanged) {
  const std::vector<float> in{0.25F, -1, 7};
  std::vector<float> wide(3 * 2048);
  std::vector<float> back(3);
  hold(in.data(), 3, 2048, wide.data());
  keep_last(wide.data(), 3, 2048, back.data());
  EXPECT_EQ(back, in);
}

TEST(Hold, NothingInGivesNothingOut) {
  keep_last(nullptr, 0, 1, nullptr);
  keep_last(nullptr, 0, 4, nullptr);
  hold(nullptr, 0, 1, nullptr);
  hold(nullptr, 0, 4, nullptr);
}
