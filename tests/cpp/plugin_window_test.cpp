// SPDX-License-Identifier: MIT
//
// The DAW plugin's window as numbers: what lies where, and what a click there means.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "window/layout.hpp"

using namespace nnbridge::plugin;

namespace {

Shown everything(Page page, int row = 1) {
  return {.page = page,
          .row = row,
          .latents = kLatents,
          .attributes = kAttributes,
          .temperature = true};
}

bool overlap(const Box& one, const Box& other) {
  return one.x < other.right() && other.x < one.right() && one.y < other.bottom() &&
         other.y < one.bottom();
}

Spot middle_of(const Box& box, const Shown& shown) {
  return spot_at(box.x + box.width / 2.0F, box.y + box.height / 2.0F, shown);
}

}  // namespace

TEST(Window, NothingLiesOnAnythingElseAndAllOfItInside) {
  std::vector<Box> common{kModelField,        kOpenButton,    kBypassButton, kMethodField,
                          kBlockField,        kDeadlineField, kMixSlider,    kGainSlider,
                          kTemperatureSlider, kLatencyTile,   kLoadTile,     kLateTile,
                          kLatentsTab,        kAttributesTab, kSentence};
  auto latents = common;
  latents.insert(latents.end(), kRowTabs.begin(), kRowTabs.end());
  latents.insert(latents.end(), {kTrace, kReadout});
  for (int k = 0; k < kLatents; ++k) latents.push_back(latent_column(k, kLatents));
  auto attributes = common;
  for (int k = 0; k < kAttributes; ++k) attributes.push_back(attribute_slider(k));
  for (const auto& boxes : {latents, attributes}) {
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      EXPECT_GE(boxes[i].x, 0.0F);
      EXPECT_LE(boxes[i].right(), 720.0F);
      EXPECT_LE(boxes[i].bottom(), 448.0F);
      for (std::size_t j = 0; j < i; ++j) {
        EXPECT_FALSE(overlap(boxes[i], boxes[j])) << i << " and " << j;
      }
    }
  }
}

TEST(Window, EachSliderIsFoundWhereItLies) {
  for (unsigned parameter : {kMix, kGain, kTemperature}) {
    const Spot slider{Part::kSlider, static_cast<int>(parameter)};
    EXPECT_EQ(middle_of(slider_of(parameter).box, everything(Page::kLatentPage)), slider);
  }
  for (unsigned k = 0; k < kAttributes; ++k) {
    const Spot slider{Part::kSlider, static_cast<int>(kAttribute + k)};
    EXPECT_EQ(middle_of(slider_of(kAttribute + k).box, everything(Page::kAttributePage)), slider);
  }
  for (int row = 0; row < 3; ++row) {
    for (unsigned k = 0; k < kLatents; ++k) {
      const auto parameter = kScale + static_cast<unsigned>(row) * kLatents + k;
      const Spot slider{Part::kSlider, static_cast<int>(parameter)};
      EXPECT_EQ(middle_of(slider_of(parameter).box, everything(Page::kLatentPage, row)), slider);
    }
  }
}

TEST(Window, WhatTheModelLacksCantBeClicked) {
  const Shown nothing;
  EXPECT_EQ(middle_of(latent_column(0, kLatents), nothing), Spot{});
  EXPECT_EQ(middle_of(kTemperatureSlider, nothing), Spot{});
  EXPECT_EQ(middle_of(kRowTabs[0], nothing), Spot{});
  auto few = everything(Page::kLatentPage);
  few.latents = 4;
  EXPECT_NE(middle_of(latent_column(3, few.latents), few), Spot{});
  EXPECT_EQ(middle_of(latent_column(4, few.latents), few), Spot{});
  few.page = Page::kAttributePage;
  few.attributes = 0;
  EXPECT_EQ(middle_of(attribute_slider(0), few), Spot{});
}

TEST(Window, ASliderReachesBothEndsAndReadsWhatItWrote) {
  for (unsigned parameter : {unsigned{kGain}, unsigned{kBias}, unsigned{kJitter} + 15U}) {
    const auto slider = slider_of(parameter);
    const auto range = range_of(parameter);
    const auto at = [&](float x, float y) { return value_at(x, y, slider, range); };
    EXPECT_EQ(at(slider.box.x, slider.box.bottom()), range.lowest);
    EXPECT_EQ(at(slider.box.right(), slider.box.y), range.highest);
    const float value = range.lowest + 0.7F * (range.highest - range.lowest);
    const float position = position_of(value, slider, range);
    EXPECT_NEAR(at(position, position), value, 1e-4F * (range.highest - range.lowest));
  }
}

TEST(Window, ASliderSnapsToWhereItStandsOfItself) {
  const auto range = range_of(kGain);
  const float rest = position_of(0.0F, slider_of(kGain), range);
  EXPECT_EQ(value_at(rest + 1.0F, 0.0F, slider_of(kGain), range), 0.0F);
  EXPECT_NE(value_at(rest + 4.0F, 0.0F, slider_of(kGain), range), 0.0F);
}

TEST(Window, AMenuStaysInsideAndScrollsToItsEnds) {
  for (const auto& field : {kModelField, kMethodField, kDeadlineField}) {
    for (int entries : {1, 6, 12, 65}) {
      Menu menu{.field = field, .entries = entries};
      EXPECT_GE(menu.box().y, 0.0F);
      EXPECT_LE(menu.box().bottom(), 448.0F);
      menu.scroll(1000);
      EXPECT_EQ(menu.first + menu.seen(), entries);
      const auto last = menu.entry(entries - 1);
      EXPECT_EQ(menu.at(last.x + 1.0F, last.y + 1.0F), entries - 1);
      menu.scroll(-1000);
      EXPECT_EQ(menu.first, 0);
      EXPECT_EQ(menu.at(0.0F, 0.0F), -1);
    }
  }
}

TEST(Window, ValuesReadAsPeopleWriteThem) {
  EXPECT_EQ(value_text(kGain, -6.0F), "-6.0 dB");
  EXPECT_EQ(value_text(kMix, 50.0F), "50 %");
  EXPECT_EQ(grouped(1536000), "1 536 000");
  EXPECT_EQ(grouped(12), "12");
  EXPECT_EQ(latency_text(2048, 48000.0), "2 048 samples, 42.7 ms");
  EXPECT_EQ(model_name("/a.b/my model.v2.ts"), "my model.v2");
  EXPECT_EQ(model_name("plain"), "plain");
}
