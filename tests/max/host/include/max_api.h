/* SPDX-License-Identifier: MIT */
/*
 * The part of Max's C interface that our objects use, declared by us from its public documentation,
 * so that they compile and run here without the SDK. Beside it lie files of the SDK's names, which
 * only include this one. `make max-check` compiles the objects with the real headers.
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define C74_EXPORT __attribute__((visibility("default")))

typedef intptr_t t_ptr_int;
typedef t_ptr_int t_atom_long;
typedef double t_atom_float;
typedef t_atom_long t_max_err;
typedef uint32_t t_fourcc;

typedef void* (*method)(void*);

/* Opaque to objects; untyped in the SDK too. */
typedef void t_outlet;
typedef void t_inlet;
typedef void t_clock;
typedef void t_qelem;

typedef struct maxclass t_class;
typedef struct _atomarray t_atomarray;
typedef struct _dictionary t_dictionary;
typedef struct _buffer_ref t_buffer_ref;
typedef struct _dspchain t_dspchain;

typedef struct object {
  t_class* o_class;
  t_ptr_int o_magic;
} t_object;
typedef t_object t_buffer_obj;

typedef struct symbol {
  char* s_name;
  struct object* s_thing;
} t_symbol;

enum { MAX_ERR_NONE = 0, MAX_ERR_GENERIC = -1, MAX_ERR_INVALID_PTR = -2 };
enum { MAX_PATH_CHARS = 2048 };

typedef enum {
  A_NOTHING = 0,
  A_LONG,
  A_FLOAT,
  A_SYM,
  A_OBJ,
  A_DEFLONG,
  A_DEFFLOAT,
  A_DEFSYM,
  A_GIMME,
  A_CANT,
  A_DEFER = 0x41,
  A_DEFER_LOW = 0x43
} e_max_atomtypes;

union word {
  t_atom_long w_long;
  t_atom_float w_float;
  struct symbol* w_sym;
  struct object* w_obj;
};

typedef struct atom {
  short a_type;
  union word a_w;
} t_atom;

/* ext_main is the object's; everything else below is Max's. */
C74_EXPORT void ext_main(void* r);

/* Symbols and atoms. */
t_symbol* gensym(const char* s);
t_max_err atom_setlong(t_atom* a, t_atom_long b);
t_max_err atom_setfloat(t_atom* a, double b);
t_max_err atom_setsym(t_atom* a, t_symbol* b);
t_atom_long atom_getlong(const t_atom* a);
t_atom_float atom_getfloat(const t_atom* a);
t_symbol* atom_getsym(const t_atom* a);

/* Classes and objects. */
t_class* class_new(const char* name, const method mnew, const method mfree, long size,
                   const method mmenu, short type, ...);
t_max_err class_addmethod(t_class* c, const method m, const char* name, ...);
t_max_err class_addattr(t_class* c, t_object* attr);
t_max_err class_register(t_symbol* name_space, t_class* c);
void class_dspinit(t_class* c);
t_object* attr_offset_new(const char* name, const t_symbol* type, long flags, const method mget,
                          const method mset, long offset);
t_max_err class_attr_addattr_parse(t_class* c, const char* attrname, const char* attrname2,
                                   t_symbol* type, long flags, const char* parsestr);
long attr_args_offset(short ac, t_atom* av);
void attr_args_process(void* x, short ac, t_atom* av);
t_max_err object_attr_touch(t_object* x, t_symbol* attrname);
void* object_alloc(t_class* c);
t_max_err object_free(void* x);
t_max_err object_notify(void* x, t_symbol* s, void* data);
void* object_method_imp(void* x, void* sym, void* p1, void* p2, void* p3, void* p4, void* p5,
                        void* p6, void* p7, void* p8);
void object_post(t_object* x, const char* s, ...);
void object_error(t_object* x, const char* s, ...);

/* Outlets. */
void* outlet_new(void* x, const char* s);
void* outlet_anything(t_outlet* x, t_symbol* s, short ac, t_atom* av);

/* Time and threads. */
t_clock* clock_new(void* obj, method fn);
void clock_delay(t_clock* x, long n);
void clock_unset(t_clock* x);
t_qelem* qelem_new(void* obj, method fn);
void qelem_set(t_qelem* x);
void qelem_free(t_qelem* x);
void* defer(void* ob, method fn, t_symbol* sym, short argc, t_atom* argv);
void* defer_low(void* ob, method fn, t_symbol* sym, short argc, t_atom* argv);
short systhread_ismainthread(void);

/* Files. */
short locatefile_extended(char* name, short* outvol, t_fourcc* outtype,
                          const t_fourcc* filetypelist, short numtypes);
t_max_err path_toabsolutesystempath(const short in_path, const char* in_filename,
                                    char* out_filepath);
short packages_getpackagepath(const char* packagename);

/* buffer~, array, dict. */
t_buffer_ref* buffer_ref_new(t_object* self, t_symbol* name);
t_buffer_obj* buffer_ref_getobject(t_buffer_ref* x);
t_max_err buffer_ref_notify(t_buffer_ref* x, t_symbol* s, t_symbol* msg, void* sender, void* data);
float* buffer_locksamples(t_buffer_obj* buffer_object);
void buffer_unlocksamples(t_buffer_obj* buffer_object);
t_atom_long buffer_getchannelcount(t_buffer_obj* buffer_object);
t_atom_long buffer_getframecount(t_buffer_obj* buffer_object);
t_atom_float buffer_getsamplerate(t_buffer_obj* buffer_object);
t_max_err atomarray_getatoms(t_atomarray* x, long* ac, t_atom** av);
t_dictionary* dictionary_new(void);
t_max_err dictionary_clear(t_dictionary* d);
t_max_err dictionary_appendlong(t_dictionary* d, t_symbol* key, t_atom_long value);
t_max_err dictionary_appendatoms(t_dictionary* d, t_symbol* key, long argc, t_atom* argv);
t_max_err dictionary_appenddictionary(t_dictionary* d, t_symbol* key, t_object* value);
t_dictionary* dictobj_register(t_dictionary* d, t_symbol** name);

/* Signals. */
enum { Z_NO_INPLACE = 1, Z_MC_INLETS = 32 };

typedef struct t_pxobject {
  struct object z_ob;
  long z_in;
  void* z_proxy;
  long z_disabled;
  short z_count;
  short z_misc;
} t_pxobject;

typedef void (*t_perfroutine64)(t_object* x, t_object* dsp64, double** ins, long numins,
                                double** outs, long numouts, long sampleframes, long flags,
                                void* userparam);

void z_dsp_setup(t_pxobject* x, long nsignals);
void z_dsp_free(t_pxobject* x);
void dsp_add64(t_object* chain, t_object* x, t_perfroutine64 f, long flags, void* userparam);
t_dspchain* dspchain_fromobject(t_object* o);
void dspchain_setbroken(t_dspchain* c);

#ifdef __cplusplus
}

/* In the SDK a macro of the same use. */
template <class... Arguments>
void* object_method(void* x, t_symbol* name, Arguments... arguments) {
  void* all[8] = {((void*)(arguments))...};
  return object_method_imp(x, name, all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7]);
}
#endif
