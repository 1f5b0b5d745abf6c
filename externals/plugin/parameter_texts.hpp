// SPDX-License-Identifier: MIT
//
// What hosts show of a parameter: its name, unit, range and choices.
#pragma once

#include <DistrhoPlugin.hpp>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

START_NAMESPACE_DISTRHO

/// The largest latency that the dry signal can follow.
constexpr int kLongestLatency = 1 << 19;

/// `models`: those that have a value of the parameter "Model".
void init_parameter(unsigned index, Parameter& parameter,
                    const std::vector<std::filesystem::path>& models);

/// A model's attribute as a name of a parameter, told from a parameter of ours.
std::string title_of(const std::string& attribute);

/// Of a parameter for attributes that no attribute needs.
std::string attribute_name(std::size_t k);

END_NAMESPACE_DISTRHO
