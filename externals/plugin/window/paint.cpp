// SPDX-License-Identifier: MIT
#include "paint.hpp"

namespace nnbridge::plugin {
namespace {

using DGL_NAMESPACE::Color;
using DGL_NAMESPACE::NanoVG;

constexpr float kText = 13.0F;
constexpr float kSmall = 11.5F;
constexpr int kMostRows = 3;

Color ground() { return {19, 22, 28}; }
Color raised() { return {27, 31, 39}; }
Color field() { return {38, 43, 54}; }
Color field_pointed() { return {48, 54, 68}; }
Color line() { return {52, 58, 72}; }
Color bright() { return {233, 236, 242}; }
Color dim() { return {146, 154, 170}; }
Color faint() { return {92, 99, 114}; }
Color accent() { return {240, 180, 92}; }
Color good() { return {112, 201, 146}; }
Color bad() { return {255, 146, 128}; }

/// One hue for each latent dimension.
Color hue(int index, float alpha = 1.0F) {
  return Color::fromHSL(std::fmod(0.09F + 0.0625F * 5.0F * static_cast<float>(index), 1.0F), 0.62F,
                        0.64F, alpha);
}

class Painter {
 public:
  Painter(NanoVG& canvas, const View& view) : canvas_(canvas), view_(view) {}

  void all() {
    fill({0, 0, 720, 448}, ground());
    header();
    column();
    panel();
    figures();
    bottom();
    if (view_.menu) menu(*view_.menu);
  }

 private:
  // The pencils.

  void fill(const Box& box, const Color& color, float radius = 0.0F) {
    canvas_.beginPath();
    canvas_.roundedRect(box.x, box.y, box.width, box.height, radius);
    canvas_.fillColor(color);
    canvas_.fill();
  }

  void outline(const Box& box, const Color& color, float radius) {
    canvas_.beginPath();
    canvas_.roundedRect(box.x + 0.5F, box.y + 0.5F, box.width - 1.0F, box.height - 1.0F, radius);
    canvas_.strokeColor(color);
    canvas_.strokeWidth(1.0F);
    canvas_.stroke();
  }

  void segment(float x1, float y1, float x2, float y2, const Color& color, float width = 1.0F) {
    canvas_.beginPath();
    canvas_.moveTo(x1, y1);
    canvas_.lineTo(x2, y2);
    canvas_.strokeColor(color);
    canvas_.strokeWidth(width);
    canvas_.stroke();
  }

  void dot(float x, float y, float radius, const Color& color) {
    canvas_.beginPath();
    canvas_.circle(x, y, radius);
    canvas_.fillColor(color);
    canvas_.fill();
  }

  void write(float x, float y, const std::string& text, const Color& color, float size = kText,
             int align = NanoVG::ALIGN_LEFT) {
    canvas_.fontSize(size);
    canvas_.textAlign(align | NanoVG::ALIGN_MIDDLE);
    canvas_.fillColor(color);
    canvas_.text(x, y, text.c_str(), nullptr);
  }

  void write_right(float x, float y, const std::string& text, const Color& color,
                   float size = kText) {
    write(x, y, text, color, size, NanoVG::ALIGN_RIGHT);
  }

  void write_middle(const Box& box, const std::string& text, const Color& color,
                    float size = kText) {
    write(box.x + box.width / 2.0F, box.y + box.height / 2.0F, text, color, size,
          NanoVG::ALIGN_CENTER);
  }

  float width_of(const std::string& text, float size) {
    canvas_.fontSize(size);
    DGL_NAMESPACE::Rectangle<float> bounds;
    return canvas_.textBounds(0.0F, 0.0F, text.c_str(), nullptr, bounds);
  }

  /// As much of a text as there is room for.
  std::string fitted(const std::string& text, float width, float size = kText) {
    if (width_of(text, size) <= width) return text;
    auto kept = text.size();
    std::string shorter;
    do {
      --kept;
      while (kept > 0 && (static_cast<unsigned char>(text[kept]) & 0xC0U) == 0x80U) --kept;
      shorter = text.substr(0, kept) + "…";
    } while (kept > 0 && width_of(shorter, size) > width);
    return shorter;
  }

  bool points_at(Part part, int index = 0) const {
    return !view_.menu && view_.pointed == Spot{part, index};
  }

  // The parts.

  void header() {
    fill(kHeader, raised());
    write(20.0F, 26.0F, "nnbridge", accent(), 16.0F);
    list_field(kModelField, Part::kModelList,
               view_.model.empty() ? "no model" : model_name(view_.model), !view_.model.empty(),
               true);
    button(kOpenButton, Part::kOpen, "Open …", false);
    const bool bypassed = view_.value(kBypass) >= 0.5F;
    button(kBypassButton, Part::kBypass, bypassed ? "bypassed" : "Bypass", bypassed);
  }

  void button(const Box& box, Part part, const std::string& text, bool on) {
    fill(box, on ? accent() : points_at(part) ? field_pointed() : field(), 5.0F);
    write_middle(box, text, on ? ground() : bright());
  }

  void list_field(const Box& box, Part part, const std::string& text, bool has_value,
                  bool lit = false) {
    fill(box, points_at(part) ? field_pointed() : field(), 5.0F);
    float left = box.x + 11.0F;
    const float middle = box.y + box.height / 2.0F;
    if (lit) {
      dot(left + 3.0F, middle, 4.0F, lamp());
      left += 15.0F;
    }
    write(left, middle, fitted(text, box.right() - 22.0F - left), has_value ? bright() : dim());
    canvas_.beginPath();
    canvas_.moveTo(box.right() - 17.0F, middle - 2.0F);
    canvas_.lineTo(box.right() - 13.0F, middle + 2.0F);
    canvas_.lineTo(box.right() - 9.0F, middle - 2.0F);
    canvas_.strokeColor(dim());
    canvas_.strokeWidth(1.5F);
    canvas_.stroke();
  }

  Color lamp() const {
    if (view_.is_wrong()) return bad();
    if (view_.standing == Standing::kPlaying) return good();
    return view_.standing == Standing::kLoading ? accent() : faint();
  }

  void column() {
    write(kMethodField.x, kMethodField.y - 11.0F, "Method", dim(), kSmall);
    list_field(kMethodField, Part::kMethodList, method_title(view_, view_.choice(kMethod)), true);
    write(kBlockField.x, kBlockField.y - 11.0F, "Block", dim(), kSmall);
    list_field(kBlockField, Part::kBlockList,
               grouped(block_frames(std::clamp(view_.choice(kBlock), 0, kBlocks - 1))), true);
    write(kDeadlineField.x, kDeadlineField.y - 11.0F, "Deadline", dim(), kSmall);
    const auto deadline = std::clamp(view_.choice(kDeadline), 0, kDeadlines - 1);
    list_field(kDeadlineField, Part::kDeadlineList,
               kDeadlineNames[static_cast<std::size_t>(deadline)], true);
    slider(kMix, "Dry / wet", accent());
    slider(kGain, "Gain", accent());
    slider(kTemperature, "Temperature", view_.shown.temperature ? accent() : faint());
  }

  /// A lying slider, with its name above it on the left and its value on the right.
  void slider(unsigned parameter, const std::string& name, const Color& color,
              const std::string& text = {}) {
    const auto place = slider_of(parameter);
    const auto range = range_of(parameter);
    const auto& box = place.box;
    const bool active = view_.turned == static_cast<int>(parameter) ||
                        points_at(Part::kSlider, static_cast<int>(parameter));
    const auto value = text.empty() ? value_text(parameter, view_.value(parameter)) : text;
    write_right(box.right(), box.y - 6.0F, value, active ? bright() : dim(), kSmall);
    const float room = box.width - width_of(value, kSmall) - 8.0F;
    write(box.x, box.y - 6.0F, fitted(name, room, kSmall), dim(), kSmall);
    const float y = box.y + box.height / 2.0F;
    const float x = position_of(view_.value(parameter), place, range);
    const float rest = position_of(
        parameter == kMix || parameter >= kAttribute ? range.lowest : range.normal, place, range);
    fill({box.x, y - 2.0F, box.width, 4.0F}, field(), 2.0F);
    fill({std::min(x, rest), y - 2.0F, std::abs(x - rest), 4.0F}, color, 2.0F);
    dot(x, y, active ? 7.0F : 6.0F, color);
  }

  void panel() {
    fill(kPanel, raised(), 8.0F);
    tab(kLatentsTab, "Latents", view_.shown.page == Page::kLatentPage,
        points_at(Part::kPageTab, static_cast<int>(Page::kLatentPage)));
    tab(kAttributesTab, "Attributes", view_.shown.page == Page::kAttributePage,
        points_at(Part::kPageTab, static_cast<int>(Page::kAttributePage)));
    if (view_.shown.page == Page::kAttributePage) return attributes();
    if (view_.shown.latents == 0) {
      return hint(view_.is_described
                      ? method_played(view_) +
                            " has no latent values. encode+decode, decode and prior have."
                      : "Latent values appear here as the model gets them.");
    }
    for (std::size_t row = 0; row < kRowTabs.size(); ++row) {
      const auto index = static_cast<int>(row);
      tab(kRowTabs[row], kRows[row], view_.shown.row == index, points_at(Part::kRowTab, index));
    }
    trace();
    columns();
    readout();
  }

  void tab(const Box& box, const std::string& text, bool on, bool pointed) {
    if (on || pointed) fill(box, on ? field_pointed() : field(), 5.0F);
    write_middle(box, text, on ? bright() : dim(), 12.5F);
  }

  void hint(const std::string& text) { write_middle(kPanel, text, dim(), 12.5F); }

  void trace() {
    fill(kTrace, ground(), 5.0F);
    const float middle = kTrace.y + kTrace.height / 2.0F;
    segment(kTrace.x, middle, kTrace.right(), middle, line());
    canvas_.save();
    canvas_.scissor(kTrace.x, kTrace.y, kTrace.width, kTrace.height);
    const float step = (kTrace.width - 8.0F) / (History::kLength - 1);
    for (int k = 0; k < view_.shown.latents; ++k) {
      const bool marked = pointed_latent() == k;
      canvas_.beginPath();
      for (int age = 0; age < view_.history.size(); ++age) {
        const float x = kTrace.right() - 4.0F - step * static_cast<float>(age);
        const float y = middle - live(k, age) * (kTrace.height / 2.0F - 6.0F);
        if (age == 0) {
          canvas_.moveTo(x, y);
        } else {
          canvas_.lineTo(x, y);
        }
      }
      canvas_.strokeColor(hue(k, pointed_latent() < 0 || marked ? 0.95F : 0.3F));
      canvas_.strokeWidth(marked ? 2.5F : 1.5F);
      canvas_.stroke();
    }
    canvas_.restore();
  }

  /// From -1 to 1, over the range of the sliders of Bias, which moves the same values.
  float live(int dimension, int age) const {
    const float value = view_.history.at(age)[static_cast<std::size_t>(dimension)];
    return std::clamp(value / range_of(kBias).highest, -1.0F, 1.0F);
  }

  int pointed_latent() const {
    const int parameter = view_.turned >= 0                     ? view_.turned
                          : view_.pointed.part == Part::kSlider ? view_.pointed.index
                                                                : -1;
    const int first = static_cast<int>(kScale);
    const bool is_latent = parameter >= first && parameter < static_cast<int>(kAttribute);
    return is_latent ? (parameter - first) % kLatents : -1;
  }

  void columns() {
    for (int k = 0; k < view_.shown.latents; ++k) column_of(k);
  }

  void column_of(int k) {
    const auto parameter = kScale + static_cast<unsigned>(view_.shown.row * kLatents + k);
    const auto place = slider_of(parameter, view_.shown.latents);
    const auto range = range_of(parameter);
    const auto& box = place.box;
    const float x = box.x + box.width / 2.0F;
    const float top = box.y + 6.0F;
    const float height = box.height - 12.0F;
    const bool active = pointed_latent() == k;
    if (active) fill({box.x + 1.0F, box.y, box.width - 2.0F, box.height}, field(), 4.0F);
    fill({x - 2.0F, top, 4.0F, height}, active ? line() : field(), 2.0F);
    if (view_.history.size() > 0) {
      const float middle = top + height / 2.0F;
      const float y = middle - live(k, 0) * height / 2.0F;
      fill({x - 5.0F, std::min(y, middle), 10.0F, std::abs(y - middle)}, hue(k, 0.35F), 2.0F);
      fill({x - 7.0F, y - 1.0F, 14.0F, 2.0F}, hue(k), 1.0F);
    }
    const float handle = position_of(view_.value(parameter), place, range);
    dot(x, handle, active ? 6.5F : 5.5F, bright());
    dot(x, handle, active ? 4.0F : 3.5F, hue(k));
  }

  void readout() {
    const int k = pointed_latent();
    const float middle = kReadout.y + kReadout.height / 2.0F;
    if (k < 0) {
      for (int index = 0; index < view_.shown.latents; ++index) {
        const auto box = latent_column(index, view_.shown.latents);
        write(box.x + box.width / 2.0F, middle, std::to_string(index + 1), faint(), 11.0F,
              NanoVG::ALIGN_CENTER);
      }
      return;
    }
    const auto index = static_cast<unsigned>(k);
    std::string text = "Dimension " + std::to_string(k + 1) + ":  ";
    text += "scale " + value_text(kScale, view_.value(kScale + index));
    text += "   bias " + value_text(kBias, view_.value(kBias + index));
    text += "   jitter " + value_text(kJitter, view_.value(kJitter + index));
    if (view_.history.size() > 0) text += "   now " + worded("%+.2f", view_.history.at(0)[index]);
    write(kReadout.x + 4.0F, middle, text, bright(), kSmall);
  }

  void attributes() {
    const auto& all = view_.description.attributes;
    if (all.empty()) {
      return hint(view_.is_described ? "This model has no settings of its own."
                                     : "The model's own settings appear here.");
    }
    for (std::size_t k = 0; k < all.size() && k < kAttributes; ++k) {
      const auto parameter = kAttribute + static_cast<unsigned>(k);
      const double value =
          all[k].minimum + double{view_.value(parameter)} * (all[k].maximum - all[k].minimum);
      auto text = worded(all[k].whole ? "%.0f" : "%.3g", value);
      if (!all[k].unit.empty()) text += " " + all[k].unit;
      slider(parameter, all[k].name, accent(), text);
    }
  }

  void figures() {
    figure(kLatencyTile, "Latency", latency_text(view_.latency, view_.sample_rate), bright());
    figure(kLoadTile, "Load", worded("%.0f %%", view_.load), view_.load > 90.0F ? bad() : bright());
    const Box bar{kLoadTile.x + 60.0F, kLoadTile.y + 8.0F, 90.0F, 4.0F};
    fill(bar, field(), 2.0F);
    const float share = std::clamp(view_.load / 100.0F, 0.0F, 1.0F);
    if (share > 0.0F)
      fill({bar.x, bar.y, bar.width * share, bar.height}, view_.load > 90.0F ? bad() : good(),
           2.0F);
    figure(kLateTile, "Late blocks", grouped(view_.late), view_.late > 0 ? bad() : bright());
  }

  void figure(const Box& box, const std::string& name, const std::string& text,
              const Color& color) {
    const float middle = box.y + box.height / 2.0F;
    write(box.x, middle, name, dim(), kSmall);
    write_right(box.right(), middle, text, color, kSmall);
  }

  void bottom() {
    const bool wrong = view_.is_wrong();
    fill(kSentence, wrong ? Color(66, 32, 32) : raised());
    const auto text = sentence(view_);
    constexpr float kWidth = 680.0F;
    canvas_.fontSize(12.5F);
    canvas_.textAlign(NanoVG::ALIGN_LEFT | NanoVG::ALIGN_MIDDLE);
    std::array<NanoVG::TextRow, kMostRows> rows{};
    const int count = canvas_.textBreakLines(text.c_str(), nullptr, kWidth, rows[0], kMostRows);
    constexpr float kRow = 15.0F;
    float y = kSentence.y + kSentence.height / 2.0F - kRow * static_cast<float>(count - 1) / 2.0F;
    for (int row = 0; row < count; ++row, y += kRow) {
      const auto& part = rows[static_cast<std::size_t>(row)];
      const bool cut = row == kMostRows - 1 && *part.next != '\0';
      auto words = std::string(part.start, part.end);
      if (cut) words += "…";
      write(20.0F, y, words, wrong ? Color(255, 205, 196) : dim(), 12.5F);
    }
  }

  void menu(const OpenMenu& menu) {
    const auto box = menu.place.box();
    fill({box.x - 1.0F, box.y + 2.0F, box.width + 2.0F, box.height + 1.0F}, Color(0, 0, 0, 0.45F),
         7.0F);
    fill(box, field(), 6.0F);
    outline(box, line(), 6.0F);
    const auto& place = menu.place;
    for (int index = place.first; index < place.first + place.seen(); ++index) {
      const auto& entry = menu.entries[static_cast<std::size_t>(index)];
      const auto row = place.entry(index);
      if (index == menu.pointed && entry.possible) fill(row, field_pointed(), 4.0F);
      const Color color = !entry.possible ? faint() : entry.chosen ? accent() : bright();
      write(row.x + 9.0F, row.y + row.height / 2.0F, fitted(entry.text, row.width - 18.0F), color);
    }
    if (place.entries > place.seen()) {  // how far it is scrolled
      const float all = static_cast<float>(place.entries);
      const float height = box.height - 12.0F;
      fill({box.right() - 5.0F, box.y + 6.0F + height * static_cast<float>(place.first) / all, 2.0F,
            height * static_cast<float>(place.seen()) / all},
           dim(), 1.0F);
    }
  }

  NanoVG& canvas_;
  const View& view_;
};

}  // namespace

void paint(NanoVG& canvas, const View& view) { Painter(canvas, view).all(); }

}  // namespace nnbridge::plugin
