const words = (text: string): string[] => text.trim().split(/\s+/);

/** Annex B of IEEE 1800-2017, which has all words of Verilog-2001 and Verilog-2005. */
const systemVerilog = words(`
  accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin bind bins
  binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const
  constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge
  else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule
  endpackage endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event eventually expect
  export extends extern final first_match for force foreach forever fork forkjoin function generate genvar global
  highz0 highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input
  inside instance int integer interconnect interface intersect join join_any join_none large let liblist library local
  localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor
  noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive priority program
  property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase
  randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1
  s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled signed small
  soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1 sync_accept_on
  sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand
  trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var vectored virtual void
  wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor`);

/** IEEE 1076-2008, with the words that 1076-2019 adds, and the names of its standard libraries. */
const vhdl = words(`
  abs access after alias all and architecture array assert assume assume_guarantee attribute begin block body buffer bus
  case component configuration constant context cover default disconnect downto else elsif end entity exit fairness file
  for force function generate generic group guarded if impure in inertial inout is label library linkage literal loop map
  mod nand new next nor not null of on open or others out package parameter port postponed private procedure process
  property protected pure range record register reject release rem report restrict restrict_guarantee return rol ror
  select sequence severity shared signal sla sll sra srl strong subtype then to transport type unaffected units until use
  variable view vmode vprop vpkg vunit wait when while with xnor xor ieee std work unisim`);

/** C++20, which Verilator and SystemC write modules in. */
const cpp = words(`
  alignas alignof and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class co_await
  co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype default delete do
  double dynamic_cast else enum explicit export extern false float for friend goto if inline int long main mutable
  namespace new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires
  return short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try
  typedef typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq`);

/** Files that Windows cannot have, whatever they end in. */
const devices = words(`
  aux clock con nul prn com0 com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt0 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8
  lpt9`);

/** Primitives of FPGAs in small letters, modules that tools add, and names that this package gives itself. */
const primitives = words(`
  bipad buff carry carry_sum cascade ckpad dff dffc dffe dffea dffeas dffec dffep dffepc dffp dffpc gclkbuff glbl inpad
  inv jkff jkffe latch lcell logic_0 logic_1 lut6_2 carry4 mux2x0 mux2x1 mux4x0 mux8x0 opndrn outpad prom rpll sdpb srff
  srffe tff tffe top tb s_axis m_axis xc7_models`);

/** What every object of JavaScript has: tables here have modules' names as keys. */
const properties = Object.getOwnPropertyNames(Object.prototype).map((name) => name.toLowerCase());

const reserved = new Set([
  ...systemVerilog,
  ...vhdl,
  ...cpp,
  ...devices,
  ...primitives,
  ...properties,
]);

/** Names of whole families: of this package's own modules and files, and of vendors' and open processes' cells. */
const families =
  /^(testbench|altera_|altiobuf|altddio|altpll|altsyncram|lpm_|cyclone|stratix|arria|max(ii|v|10)_|fiftyfivenm|twentynm|sky130_|sg13g2_|sg13cmos|gf180mcu_|asap7)/;

/** What vendors call primitives, and libraries cells: FDRE, SB_LUT4, NAND2X1, RAM64x18. */
const primitiveLike = /^(?=.*[A-Z])[A-Z0-9_]+(x[0-9A-Za-z]+)*(_[A-Za-z0-9_]*)?$/;

/**
 * Whether a module of this name, or its file, could be taken for something else by a tool: a word of Verilog-2001 to
 * SystemVerilog-2017, VHDL-2008 or C++ in letters of any case, a file that Windows cannot have, a primitive of an FPGA or
 * a cell of a library, or a module of this package.
 */
export const isReserved = (name: string): boolean =>
  reserved.has(name.toLowerCase()) || families.test(name.toLowerCase()) || primitiveLike.test(name);
