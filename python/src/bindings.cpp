// SPDX-License-Identifier: MIT
//
// The public headers of the engine for Python. What a user sees is in nnbridge/host.py.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <stdexcept>

#include "nnbridge/model.hpp"
#include "nnbridge/stream.hpp"

namespace py = pybind11;
using namespace pybind11::literals;  // NOLINT(google-build-using-namespace)

namespace {

using nnbridge::AttributeType;
using nnbridge::BufferValue;
using nnbridge::Model;
using nnbridge::Result;
using nnbridge::Stream;
using nnbridge::StreamConfig;
using nnbridge::TensorValue;
using nnbridge::Value;

using Samples = py::array_t<float, py::array::c_style | py::array::forcecast>;

/// A stream may have to wait for an inference before it can go; Python goes on meanwhile.
struct StreamDeleter {
  void operator()(Stream* stream) const {
    const py::gil_scoped_release release;
    delete stream;
  }
};
using StreamHolder = std::unique_ptr<Stream, StreamDeleter>;

/// Becomes nnbridge.Error.
class EngineError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <class T>
T unwrap(Result<T> result) {
  if (!result) throw EngineError(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

template <class T>
T wait(std::future<Result<T>> future) {
  const py::gil_scoped_release release;
  return unwrap(future.get());
}

/// A plain number or text as it is; an array as a tensor; (array, sample rate) as a buffer.
Value to_value(const py::handle& object) {
  if (py::isinstance<py::bool_>(object)) return object.cast<bool>();
  if (py::isinstance<py::int_>(object)) {
    const auto number = PyLong_AsLongLong(object.ptr());
    if (number == -1 && PyErr_Occurred()) {
      PyErr_Clear();
      throw EngineError("An attribute can't hold a number as large as " +
                        py::str(object).cast<std::string>() + ".");
    }
    return std::int64_t{number};
  }
  if (py::isinstance<py::float_>(object)) return object.cast<double>();
  if (py::isinstance<py::str>(object)) return object.cast<std::string>();
  if (py::isinstance<py::tuple>(object) && py::len(object) == 2) {
    const auto pair = py::reinterpret_borrow<py::tuple>(object);
    const auto samples = Samples::ensure(pair[0]);
    if (samples && samples.ndim() >= 1 && samples.ndim() <= 2 &&
        py::isinstance<py::int_>(pair[1])) {
      BufferValue buffer;
      buffer.channels = samples.ndim() == 1 ? 1 : static_cast<int>(samples.shape(0));
      buffer.frames = samples.shape(samples.ndim() - 1);
      buffer.sample_rate = pair[1].cast<int>();
      buffer.samples.assign(samples.data(), samples.data() + samples.size());
      return buffer;
    }
    PyErr_Clear();
  }
  if (py::hasattr(object, "ndim") && py::hasattr(object, "item") &&
      object.attr("ndim").cast<int>() == 0) {
    return to_value(object.attr("item")());
  }
  if (const auto array = Samples::ensure(object); array && array.ndim() >= 1) {
    TensorValue tensor;
    for (py::ssize_t i = 0; i < array.ndim(); ++i) tensor.shape.push_back(array.shape(i));
    tensor.data.assign(array.data(), array.data() + array.size());
    return tensor;
  }
  PyErr_Clear();
  throw EngineError(
      "An attribute takes True or False, a number, text, an array, or (array, sample rate) for a "
      "buffer; not " +
      py::repr(object).cast<std::string>() + ".");
}

py::object to_python(const Value& value) {
  struct Convert {
    py::object operator()(bool v) const { return py::bool_(v); }
    py::object operator()(std::int64_t v) const { return py::int_(v); }
    py::object operator()(double v) const { return py::float_(v); }
    py::object operator()(const std::string& v) const { return py::str(v); }
    py::object operator()(const TensorValue& v) const {
      return py::array_t<float>(v.shape, v.data.data());
    }
    py::object operator()(const BufferValue& v) const {
      const std::vector<py::ssize_t> shape{v.channels, static_cast<py::ssize_t>(v.frames)};
      return py::make_tuple(py::array_t<float>(shape, v.samples.data()), v.sample_rate);
    }
  };
  return std::visit(Convert(), value);
}

std::vector<Value> to_values(const py::sequence& objects) {
  std::vector<Value> values;
  for (const auto& object : objects) values.push_back(to_value(object));
  return values;
}

py::list to_list(const std::vector<Value>& values) {
  py::list list;
  for (const auto& value : values) list.append(to_python(value));
  return list;
}

const char* type_name(AttributeType type) {
  static constexpr const char* kNames[] = {"bool", "int", "float", "str", "tensor", "buffer"};
  return kNames[static_cast<std::size_t>(type)];
}

Samples process(Stream& stream, int batch, const Samples& in) {
  if (in.ndim() != 2) throw EngineError("A signal has the shape [channels, frames].");
  const int frames = static_cast<int>(in.shape(1));
  const int out_rows = stream.out_channels() * batch;
  Samples out({static_cast<py::ssize_t>(out_rows), in.shape(1)});
  std::vector<const float*> in_rows;
  std::vector<float*> out_pointers;
  in_rows.reserve(static_cast<std::size_t>(in.shape(0)));
  out_pointers.reserve(static_cast<std::size_t>(out_rows));
  for (py::ssize_t row = 0; row < in.shape(0); ++row) in_rows.push_back(in.data() + row * frames);
  for (int row = 0; row < out_rows; ++row) {
    out_pointers.push_back(out.mutable_data() + static_cast<py::ssize_t>(row) * frames);
  }
  const py::gil_scoped_release release;
  stream.process(in_rows.data(), static_cast<int>(in_rows.size()), out_pointers.data(), out_rows,
                 frames);
  return out;
}

StreamConfig config_from(const py::kwargs& options) {
  StreamConfig config;
  for (const auto& [key, value] : options) {
    const auto name = key.cast<std::string>();
    if (name == "method") config.method = value.cast<std::string>();
    if (name == "sample_rate") config.sample_rate = value.cast<std::optional<int>>();
    if (name == "host_block") config.host_block = value.cast<int>();
    if (name == "fixed_host_block") config.fixed_host_block = value.cast<bool>();
    if (name == "realtime") config.realtime = value.cast<bool>();
    if (name == "batch") config.batch = value.cast<int>();
    if (name == "block") config.block = value.cast<std::optional<int>>();
    if (name == "resample") config.resample = value.cast<bool>();
    if (name == "model_delay") config.model_delay = value.cast<std::optional<int>>();
    if (name == "seed") config.seed = value.cast<std::optional<std::uint64_t>>();
    if (name == "deadline") config.deadline = value.cast<std::optional<int>>();
    if (name == "late") {
      config.late = value.cast<std::string>() == "dry" ? nnbridge::LatePolicy::kDry
                                                       : nnbridge::LatePolicy::kSilence;
    }
  }
  return config;
}

py::dict stats_of(const Stream& stream) {
  const auto stats = stream.stats();
  return py::dict("blocks"_a = stats.blocks, "late"_a = stats.late, "failed"_a = stats.failed,
                  "pending"_a = stats.pending, "mean_cost"_a = stats.mean_cost,
                  "worst_cost"_a = stats.worst_cost, "load"_a = stats.load,
                  "last_failure"_a = stats.last_failure);
}

py::dict config_of(const Stream& stream) {
  const auto config = stream.config();
  return py::dict(
      "method"_a = config.method, "sample_rate"_a = config.sample_rate,
      "host_block"_a = config.host_block, "fixed_host_block"_a = config.fixed_host_block,
      "realtime"_a = config.realtime, "batch"_a = config.batch, "block"_a = config.block,
      "resample"_a = config.resample, "deadline"_a = config.deadline, "seed"_a = config.seed,
      "late"_a = config.late == nnbridge::LatePolicy::kDry ? "dry" : "silence");
}

py::dict method_of(const nnbridge::Method& method) {
  return py::dict("name"_a = method.name, "in_channels"_a = method.in_channels,
                  "in_ratio"_a = method.in_ratio, "out_channels"_a = method.out_channels,
                  "out_ratio"_a = method.out_ratio, "in_labels"_a = method.in_labels,
                  "out_labels"_a = method.out_labels, "step"_a = method.step,
                  "delay"_a = method.delay, "random"_a = method.random,
                  "callable"_a = method.callable, "description"_a = method.description);
}

py::dict attribute_of(const nnbridge::Attribute& attribute) {
  py::list types;
  for (const auto type : attribute.types) types.append(type_name(type));
  return py::dict("name"_a = attribute.name, "types"_a = types, "minimum"_a = attribute.minimum,
                  "maximum"_a = attribute.maximum, "unit"_a = attribute.unit,
                  "description"_a = attribute.description,
                  "defaults"_a = to_list(attribute.defaults));
}

py::dict chain_of(const Model& model, const std::string& name) {
  const auto chain = unwrap(model.contract().chain(name));
  return py::dict("in_channels"_a = chain.in_channels(), "in_ratio"_a = chain.in_ratio(),
                  "out_channels"_a = chain.out_channels(), "out_ratio"_a = chain.out_ratio(),
                  "step"_a = chain.step, "delay"_a = chain.delay);
}

py::object about_of(const Model& model) {
  const auto& about = model.contract().about;
  if (!about) return py::none();
  return py::dict("name"_a = about->name, "description"_a = about->description,
                  "authors"_a = about->authors, "license"_a = about->license,
                  "citation"_a = about->citation, "torch"_a = about->torch_version);
}

}  // namespace

PYBIND11_MODULE(_engine, module) {
  module.doc() = "The nnbridge engine. Use it through nnbridge.load.";
  py::register_exception<EngineError>(module, "Error");

  py::class_<Model>(module, "Model")
      .def_static(
          "open",
          [](const std::filesystem::path& path, const std::string& device) {
            const py::gil_scoped_release release;
            return unwrap(Model::open(path, device));
          },
          "path"_a, "device"_a)
      .def_property_readonly("path", &Model::path)
      .def_property_readonly("device", &Model::device)
      .def_property_readonly("sample_rate",
                             [](const Model& model) { return model.contract().sample_rate; })
      .def_property_readonly(
          "follows_sample_rate",
          [](const Model& model) { return model.contract().follows_sample_rate; })
      .def_property_readonly("methods",
                             [](const Model& model) {
                               py::list methods;
                               for (const auto& method : model.contract().methods) {
                                 methods.append(method_of(method));
                               }
                               return methods;
                             })
      .def_property_readonly("attributes",
                             [](const Model& model) {
                               py::list attributes;
                               for (const auto& attribute : model.contract().attributes) {
                                 attributes.append(attribute_of(attribute));
                               }
                               return attributes;
                             })
      .def_property_readonly("about", &about_of)
      .def("chain", &chain_of, "name"_a)
      .def("set",
           [](Model& model, const std::string& name, const py::sequence& values) {
             const auto typed = to_values(values);
             const py::gil_scoped_release release;
             unwrap(model.set(name, typed));
           })
      .def("get",
           [](const Model& model, const std::string& name) {
             Result<std::vector<Value>> values;
             {
               const py::gil_scoped_release release;
               values = model.get(name);
             }
             return to_list(unwrap(std::move(values)));
           })
      .def("parse",
           [](const Model& model, const std::string& name, const std::vector<std::string>& texts) {
             const auto attribute = unwrap(model.contract().attribute(name));
             std::vector<Value> values;
             for (std::size_t i = 0; i < texts.size(); ++i) {
               // Too many values: the setter says so, with the count it takes.
               const auto type = attribute.types[std::min(i, attribute.types.size() - 1)];
               values.push_back(unwrap(nnbridge::parse_value(texts[i], type, name)));
             }
             return to_list(values);
           });

  py::class_<Stream, StreamHolder>(module, "Stream")
      .def(py::init([](const Model& model, const py::kwargs& options) {
        const auto config = config_from(options);
        const py::gil_scoped_release release;
        return StreamHolder(unwrap(Stream::prepare(model, config)).release());
      }))
      .def("process", &process, "batch"_a, "signal"_a)
      .def("reset", &Stream::reset, py::call_guard<py::gil_scoped_release>())
      .def("reset_model", [](Stream& stream) { wait(stream.reset_model()); })
      .def("set", [](Stream& stream, const std::string& name,
                     const py::sequence& values) { wait(stream.set(name, to_values(values))); })
      .def("get",
           [](Stream& stream, const std::string& name) { return to_list(wait(stream.get(name))); })
      .def("swap",
           [](Stream& stream, const Model& model, const py::kwargs& options) {
             const auto config = config_from(options);
             const py::gil_scoped_release release;
             unwrap(stream.swap(model, config));
           })
      .def("settled", &Stream::settled, py::call_guard<py::gil_scoped_release>())
      .def_property_readonly("latency",
                             [](const Stream& stream) {
                               const auto latency = stream.latency();
                               return py::make_tuple(latency.stream, latency.model,
                                                     latency.model_declared);
                             })
      .def_property_readonly("stats", &stats_of)
      .def_property_readonly("config", &config_of)
      .def_property_readonly("in_channels", &Stream::in_channels)
      .def_property_readonly("out_channels", &Stream::out_channels);
}
