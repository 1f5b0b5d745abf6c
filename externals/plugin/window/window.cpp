// SPDX-License-Identifier: MIT
//
// The window: what the mouse does becomes what the host is told, and what plugin and host say
// becomes a View, which paint.cpp draws.
#include <DistrhoUI.hpp>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "Application.hpp"
#include "face.hpp"
#include "paint.hpp"
#include "view.hpp"

START_NAMESPACE_DISTRHO

namespace {

using namespace nnbridge::plugin;

class ModelWindow final : public UI {
 public:
  ModelWindow()
      : UI(kWindowWidth, kWindowHeight), live_(*static_cast<Live*>(getPluginInstancePointer())) {
    constexpr uint kSmallestShare = 4;  // three quarters
    setGeometryConstraints(kWindowWidth - kWindowWidth / kSmallestShare,
                           kWindowHeight - kWindowHeight / kSmallestShare, true);
    loadSharedResources();  // DejaVu Sans, under the Bitstream Vera licence
    resize_for(getScaleFactor());
    read_values();
    look();
  }

 protected:
  void parameterChanged(uint32_t index, float value) override {
    if (index >= kParameterCount || view_.turned == static_cast<int>(index)) return;
    view_.values[index] = value;
    repaint();
  }

  void stateChanged(const char* /*key*/, const char* /*value*/) override {}

  void uiIdle() override {
    constexpr double kPause = 1.0 / 30.0;  // seconds
    const double now = getApp().getTime();
    if (now - looked_ < kPause) return;
    looked_ = now;
    if (look()) repaint();
  }

  void uiScaleFactorChanged(double scale) override { resize_for(scale); }

  void onNanoDisplay() override {
    fontFace(NANOVG_DEJAVU_SANS_TTF);
    translate(left(), top());
    scale(zoom(), zoom());
    paint(*this, view_);
  }

  bool onMouse(const MouseEvent& event) override {
    const auto [x, y] = unscaled(event.pos);
    if (event.button != kMouseButtonLeft) return false;
    if (!event.press) {
      release();
    } else if (view_.menu) {
      choose(view_.menu->place.at(x, y));
    } else {
      press(spot_at(x, y, view_.shown), x, y, (event.mod & kModifierControl) != 0);
    }
    repaint();
    return true;
  }

  bool onMotion(const MotionEvent& event) override {
    const auto [x, y] = unscaled(event.pos);
    if (view_.turned >= 0) {
      turn_to(x, y);
    } else if (view_.menu) {
      const int pointed = view_.menu->place.at(x, y);
      if (std::exchange(view_.menu->pointed, pointed) != pointed) repaint();
    } else {
      const auto spot = spot_at(x, y, view_.shown);
      if (std::exchange(view_.pointed, spot) != spot) repaint();
    }
    return true;
  }

  bool onScroll(const ScrollEvent& event) override {
    const auto [x, y] = unscaled(event.pos);
    const double by = event.delta.getY();
    if (view_.menu) {
      view_.menu->place.scroll(by > 0.0 ? -1 : 1);
      view_.menu->pointed = view_.menu->place.at(x, y);
      repaint();
      return true;
    }
    const auto spot = spot_at(x, y, view_.shown);
    if (spot.part != Part::kSlider) return false;
    constexpr float kStep = 0.02F;  // of the way
    const auto parameter = static_cast<unsigned>(spot.index);
    const auto range = range_of(parameter);
    const float moved =
        view_.value(parameter) + kStep * static_cast<float>(by) * (range.highest - range.lowest);
    set(parameter, std::clamp(moved, range.lowest, range.highest));
    return true;
  }

  bool onKeyboard(const KeyboardEvent& event) override {
    if (!event.press || event.key != kKeyEscape || !view_.menu) return false;
    view_.menu.reset();
    repaint();
    return true;
  }

  void uiFileBrowserSelected(const char* file) override {
    if (file != nullptr) setState("model", file);
  }

 private:
  // Where the unscaled window lies in this one.
  float zoom() const {
    return std::min(static_cast<float>(getWidth()) / static_cast<float>(kWindowWidth),
                    static_cast<float>(getHeight()) / static_cast<float>(kWindowHeight));
  }
  float left() const { return (static_cast<float>(getWidth()) - zoom() * kWindowWidth) / 2.0F; }
  float top() const { return (static_cast<float>(getHeight()) - zoom() * kWindowHeight) / 2.0F; }
  std::pair<float, float> unscaled(const Point<double>& at) const {
    return {(static_cast<float>(at.getX()) - left()) / zoom(),
            (static_cast<float>(at.getY()) - top()) / zoom()};
  }

  void resize_for(double scale) {
    if (scale <= 0.0) return;
    setSize(static_cast<uint>(std::lround(kWindowWidth * scale)),
            static_cast<uint>(std::lround(kWindowHeight * scale)));
  }

  void read_values() {
    for (unsigned index = 0; index < kParameterCount; ++index) {
      if (view_.turned != static_cast<int>(index)) view_.values[index] = live_.value(index);
    }
  }

  /// Whether there is something new to be seen.
  bool look() {
    bool news = false;
    const auto note = [&news](auto& shown, auto value) {
      if (shown == value) return;
      shown = std::move(value);
      news = true;
    };
    note(view_.standing, static_cast<Standing>(std::lround(live_.value(kStatus))));
    note(view_.latency, std::llround(live_.value(kLatency)));
    note(view_.load, std::round(live_.value(kLoad)));
    note(view_.late, std::llround(live_.value(kLate)));
    note(view_.sample_rate, live_.sample_rate());
    note(view_.problem, live_.problem());
    if (auto model = live_.model(); model != view_.model) {
      view_.model = std::move(model);
      view_.history.clear();
      news = true;
    }
    if (live_.described(seen_, view_.description)) {
      view_.is_described = true;
      read_values();  // those of the attributes may be the model's own now
      news = true;
    }
    note(view_.shown.latents, std::min(view_.description.latents, kLatents));
    note(view_.shown.attributes, static_cast<int>(view_.description.attributes.size()));
    note(view_.shown.temperature, view_.description.temperature.has_value());
    if (view_.standing == Standing::kPlaying && view_.shown.latents > 0) {
      view_.history.push(live_.latents());
      news = true;
    }
    return news;
  }

  // A parameter's way to the host.
  void set(unsigned parameter, float value) {
    editParameter(parameter, true);
    turn(parameter, value);
    editParameter(parameter, false);
  }

  void turn(unsigned parameter, float value) {
    if (view_.values[parameter] == value) return;
    view_.values[parameter] = value;
    setParameterValue(parameter, value);
    repaint();
  }

  void turn_to(float x, float y) {
    const auto parameter = static_cast<unsigned>(view_.turned);
    const auto slider = slider_of(parameter, view_.shown.latents);
    turn(parameter, value_at(x, y, slider, range_of(parameter)));
  }

  void release() {
    if (view_.turned < 0) return;
    editParameter(static_cast<unsigned>(view_.turned), false);
    view_.turned = -1;
  }

  void press(const Spot& spot, float x, float y, bool back) {
    switch (spot.part) {
      case Part::kNothing:
      case Part::kMenuEntry:
        return;
      case Part::kOpen:
        return ask_for_file();
      case Part::kBypass:
        return set(kBypass, view_.value(kBypass) >= 0.5F ? 0.0F : 1.0F);
      case Part::kPageTab:
        view_.shown.page = static_cast<Page>(spot.index);
        return;
      case Part::kRowTab:
        view_.shown.row = spot.index;
        return;
      case Part::kSlider:
        return press_slider(static_cast<unsigned>(spot.index), x, y, back);
      default:
        return open_menu(spot.part);
    }
  }

  /// A second click, or one with the control key, puts a value back to where it stands of itself.
  void press_slider(unsigned parameter, float x, float y, bool back) {
    constexpr double kDoubleClick = 0.3;  // seconds
    const double now = getApp().getTime();
    const bool again =
        std::exchange(pressed_, static_cast<int>(parameter)) == static_cast<int>(parameter) &&
        now - pressed_at_ < kDoubleClick;
    pressed_at_ = now;
    if (back || again) return set(parameter, view_.normal(parameter));
    view_.turned = static_cast<int>(parameter);
    editParameter(parameter, true);
    turn_to(x, y);
  }

  void open_menu(Part part) {
    OpenMenu menu;
    menu.field = part;
    int chosen = 0;
    const auto add = [&](const std::string& text, bool possible, bool is_chosen) {
      if (is_chosen) chosen = static_cast<int>(menu.entries.size());
      menu.entries.push_back({.text = text, .possible = possible, .chosen = is_chosen});
    };
    if (part == Part::kModelList) {
      menu.place.field = kModelField;
      const auto models = live_.models();
      const auto slot = static_cast<std::size_t>(std::lround(live_.value(kModel)));
      for (std::size_t k = 0; k < models.size(); ++k) add(models[k], true, slot == k + 1);
      if (models.empty()) add("No models in NNBRIDGE_MODELS or ~/nnbridge/models", false, false);
    } else if (part == Part::kMethodList) {
      menu.place.field = kMethodField;
      const auto count = kNamedMethods.size() + view_.description.others.size();
      for (std::size_t k = 0; k < count; ++k) {
        const bool possible =
            !view_.is_described || k >= kNamedMethods.size() || view_.description.playable[k];
        const auto index = static_cast<int>(k);
        add(method_title(view_, index), possible, index == view_.choice(kMethod));
      }
    } else if (part == Part::kBlockList) {
      menu.place.field = kBlockField;
      for (int k = 0; k < kBlocks; ++k) {
        add(grouped(block_frames(k)), true, k == view_.choice(kBlock));
      }
    } else {
      menu.place.field = kDeadlineField;
      for (int k = 0; k < kDeadlines; ++k) {
        add(kDeadlineNames[static_cast<std::size_t>(k)], true, k == view_.choice(kDeadline));
      }
    }
    menu.place.entries = static_cast<int>(menu.entries.size());
    menu.place.scroll(chosen - menu.place.seen() / 2);
    view_.menu = std::move(menu);
  }

  /// An entry of the menu, or none of them (-1).
  void choose(int index) {
    const auto menu = std::move(*view_.menu);
    view_.menu.reset();
    if (index < 0 || !menu.entries[static_cast<std::size_t>(index)].possible) return;
    const auto value = static_cast<float>(index);
    if (menu.field == Part::kModelList) {
      set(kModel, 0.0F);  // else the same entry again would be no change
      set(kModel, value + 1.0F);
    }
    if (menu.field == Part::kMethodList) set(kMethod, value);
    if (menu.field == Part::kBlockList) set(kBlock, value);
    if (menu.field == Part::kDeadlineList) set(kDeadline, value);
  }

  void ask_for_file() {
    set(kModel, 0.0F);  // "as chosen": what comes is none of the list
    if (requestStateFile("model")) return;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
    const char* const home = std::getenv("HOME");
    const auto folder = std::filesystem::path(view_.model).parent_path().string();
    FileBrowserOptions options;
    options.title = "nnbridge: choose a model";
    options.startDir = folder.empty() ? home : folder.c_str();
    openFileBrowser(options);
  }

  Live& live_;
  View view_;
  int seen_ = 0;
  double looked_ = 0.0;
  int pressed_ = -1;
  double pressed_at_ = 0.0;
};

}  // namespace

UI* createUI() { return new ModelWindow; }

END_NAMESPACE_DISTRHO
