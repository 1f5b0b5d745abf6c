// SPDX-License-Identifier: MIT
//
// What Pd knows and its public header doesn't say, or says only from some version on.
#pragma once

#include <m_pd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nnbridge/player.hpp"

namespace nnbridge::pd {

/// Multichannel signals came with Pd 0.54. One binary runs in older ones too, so their function is
/// looked up in the Pd that has loaded us.
bool has_multichannel();

/// The flag of a class that deals with them (CLASS_MULTICHANNEL).
constexpr int kMultichannelClass = 0x10;

int channels_of(const t_signal& signal);
void set_channels(t_signal** signal, int channels);

/// Whether Pd was started with -batch: then it doesn't keep to real time.
bool is_batch();

/// Frames of audio that Pd computes ahead, at the sample rate it runs at.
int frames_ahead(double sample_rate);

/// "0.53-1"
std::string version();

/// A model's name with `.ts` at its end.
std::string with_suffix(const std::string& name);

/// Finds a model as nn~ does: `.ts` is added where it is missing, then the patch's folder is
/// searched, then Pd's paths.
std::optional<std::filesystem::path> find_model(const t_canvas* canvas, const std::string& name);

/// The samples of the array of this name, at Pd's rate.
std::optional<BufferValue> read_array(const std::string& name);

/// A number that is another one when the array has changed; 0: there is no such array.
std::size_t fingerprint(const std::string& array);

Word to_word(const t_atom& atom);
std::vector<Word> to_words(int argc, const t_atom* argv);
void append(std::vector<t_atom>& atoms, double number);
void append(std::vector<t_atom>& atoms, const std::string& text);
void append(std::vector<t_atom>& atoms, const Value& value);

}  // namespace nnbridge::pd
