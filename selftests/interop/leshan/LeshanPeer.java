// SPDX-License-Identifier: Apache-2.0
/*
 * A management server and a bootstrap server of Eclipse Leshan without a page or a REST
 * interface: one connection to a port of the loopback carries commands, answers and events,
 * a line each. It ends with the connection.
 *
 *	N VERB ENDPOINT ARGUMENTS…	a command; N is any word
 *	= N CODE TEXT			its answer: the device's code (205) or ERROR
 *	! KIND ENDPOINT TEXT		an event
 *
 * Values are TYPE:TEXT with TYPE one of s (string), i, f, b, o (hex), t (seconds), l (1:2).
 */
import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Date;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

import org.eclipse.leshan.core.SecurityMode;
import org.eclipse.leshan.core.link.lwm2m.attributes.DefaultLwM2mAttributeParser;
import org.eclipse.leshan.core.link.lwm2m.attributes.LwM2mAttributeSet;
import org.eclipse.leshan.core.model.ObjectLoader;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.model.ResourceModel;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mObject;
import org.eclipse.leshan.core.node.LwM2mObjectInstance;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.node.LwM2mResourceInstance;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.node.ObjectLink;
import org.eclipse.leshan.core.node.TimestampedLwM2mNode;
import org.eclipse.leshan.core.node.TimestampedLwM2mNodes;
import org.eclipse.leshan.core.observation.CompositeObservation;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.observation.SingleObservation;
import org.eclipse.leshan.core.peer.LwM2mPeer;
import org.eclipse.leshan.core.request.BindingMode;
import org.eclipse.leshan.core.request.BootstrapDownlinkRequest;
import org.eclipse.leshan.core.request.BootstrapRequest;
import org.eclipse.leshan.core.request.CancelCompositeObservationRequest;
import org.eclipse.leshan.core.request.CancelObservationRequest;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.CreateRequest;
import org.eclipse.leshan.core.request.DeleteRequest;
import org.eclipse.leshan.core.request.DiscoverRequest;
import org.eclipse.leshan.core.request.DownlinkRequest;
import org.eclipse.leshan.core.request.ExecuteRequest;
import org.eclipse.leshan.core.request.ObserveCompositeRequest;
import org.eclipse.leshan.core.request.ObserveRequest;
import org.eclipse.leshan.core.request.ReadCompositeRequest;
import org.eclipse.leshan.core.request.ReadRequest;
import org.eclipse.leshan.core.request.SendRequest;
import org.eclipse.leshan.core.request.WriteAttributesRequest;
import org.eclipse.leshan.core.request.WriteCompositeRequest;
import org.eclipse.leshan.core.request.WriteRequest;
import org.eclipse.leshan.core.response.CreateResponse;
import org.eclipse.leshan.core.response.DiscoverResponse;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.core.response.ObserveCompositeResponse;
import org.eclipse.leshan.core.response.ObserveResponse;
import org.eclipse.leshan.core.response.ReadCompositeResponse;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.core.util.Hex;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.LeshanServerBuilder;
import org.eclipse.leshan.server.bootstrap.BootstrapConfig;
import org.eclipse.leshan.server.bootstrap.BootstrapFailureCause;
import org.eclipse.leshan.server.bootstrap.BootstrapSession;
import org.eclipse.leshan.server.bootstrap.BootstrapSessionListener;
import org.eclipse.leshan.server.bootstrap.InMemoryBootstrapConfigStore;
import org.eclipse.leshan.server.bootstrap.LeshanBootstrapServer;
import org.eclipse.leshan.server.bootstrap.LeshanBootstrapServerBuilder;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.CaliforniumBootstrapServerEndpointsProvider;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.coap.CoapBootstrapServerProtocolProvider;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.coaps.CoapsBootstrapServerProtocolProvider;
import org.eclipse.leshan.server.californium.endpoint.CaliforniumServerEndpointsProvider;
import org.eclipse.leshan.server.californium.endpoint.coap.CoapServerProtocolProvider;
import org.eclipse.leshan.server.californium.endpoint.coaps.CoapsServerProtocolProvider;
import org.eclipse.leshan.server.model.VersionedModelProvider;
import org.eclipse.leshan.server.observation.ObservationListener;
import org.eclipse.leshan.server.queue.PresenceListener;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.registration.RegistrationListener;
import org.eclipse.leshan.server.registration.RegistrationUpdate;
import org.eclipse.leshan.server.security.BootstrapSecurityStoreAdapter;
import org.eclipse.leshan.server.security.InMemorySecurityStore;
import org.eclipse.leshan.server.security.SecurityInfo;
import org.eclipse.leshan.server.send.SendListener;

public final class LeshanPeer {
	private static final long TIMEOUT_MS = 60000;
	private static PrintStream out;

	private final InMemorySecurityStore security = new InMemorySecurityStore();
	private final InMemorySecurityStore bootstrapSecurity = new InMemorySecurityStore();
	private final InMemoryBootstrapConfigStore bootstrap = new InMemoryBootstrapConfigStore();
	private final Map<String, Observation> observations = new ConcurrentHashMap<>();
	private final ExecutorService workers = Executors.newCachedThreadPool();
	private final LeshanServer server;
	private final LeshanBootstrapServer bootstrapServer;

	/**
	 * args: ports for coap, coaps, bootstrap by coap and by coaps; folder of object files; then,
	 * in DER, key (PKCS#8), certificate and the certificate that is trusted, or nothing
	 */
	private LeshanPeer(String[] args) throws Exception {
		LeshanServerBuilder b = new LeshanServerBuilder();
		LeshanBootstrapServerBuilder bb = new LeshanBootstrapServerBuilder();
		List<ObjectModel> models = new ArrayList<>(ObjectLoader.loadAllDefault());
		PrivateKey key = null;

		models.addAll(ObjectLoader.loadObjectsFromDir(new File(args[4])));
		b.setObjectModelProvider(new VersionedModelProvider(models));
		b.setSecurityStore(security);
		bb.setSecurityStore(new BootstrapSecurityStoreAdapter(bootstrapSecurity));
		bb.setConfigStore(bootstrap);
		if (args.length > 5) {
			key = KeyFactory.getInstance("EC").generatePrivate(
					new PKCS8EncodedKeySpec(Files.readAllBytes(Path.of(args[5]))));
			X509Certificate[] chain = { certificate(args[6]) };
			Certificate[] trusted = { certificate(args[7]) };
			b.setPrivateKey(key).setCertificateChain(chain);
			b.setTrustedCertificates(trusted);
			bb.setPrivateKey(key).setCertificateChain(chain);
			bb.setTrustedCertificates(trusted);
		}
		b.setEndpointsProviders(new CaliforniumServerEndpointsProvider.Builder(
				new CoapServerProtocolProvider(), new CoapsServerProtocolProvider())
				.addEndpoint(new URI("coap://127.0.0.1:" + args[0]))
				.addEndpoint(new URI("coaps://127.0.0.1:" + args[1])).build());
		bb.setEndpointsProviders(new CaliforniumBootstrapServerEndpointsProvider.Builder(
				new CoapBootstrapServerProtocolProvider(), new CoapsBootstrapServerProtocolProvider())
				.addEndpoint(new URI("coap://127.0.0.1:" + args[2]))
				.addEndpoint(new URI("coaps://127.0.0.1:" + args[3])).build());
		server = b.build();
		bootstrapServer = bb.build();
		listen();
		server.start();
		bootstrapServer.start();
		event("ready", "-", "");
	}

	private static X509Certificate certificate(String file) throws Exception {
		try (FileInputStream in = new FileInputStream(file)) {
			return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
		}
	}

	private static synchronized void say(String line) {
		out.print(line.replace('\n', ' ').replace('\r', ' ') + "\n");
		out.flush();
	}

	private static void event(String kind, String endpoint, String text) {
		say("! " + kind + " " + endpoint + " " + text);
	}

	// ---- events ---------------------------------------------------------------------

	private void listen() {
		server.getRegistrationService().addListener(new RegistrationListener() {
			@Override
			public void registered(Registration r, Registration before, Collection<Observation> gone) {
				event("registered", r.getEndpoint(), r.getLwM2mVersion() + " "
						+ (r.getQueueMode() ? "queue" : "direct") + " " + r.getLastEndpointUsed());
			}

			@Override
			public void updated(RegistrationUpdate u, Registration now, Registration before) {
				event("updated", now.getEndpoint(), "lifetime " + now.getLifeTimeInSec());
			}

			@Override
			public void unregistered(Registration r, Collection<Observation> gone, boolean expired,
					Registration next) {
				event("unregistered", r.getEndpoint(), expired ? "expired" : "asked");
			}
		});
		server.getPresenceService().addListener(new PresenceListener() {
			@Override
			public void onAwake(Registration r) {
				event("awake", r.getEndpoint(), "");
			}

			@Override
			public void onSleeping(Registration r) {
				event("asleep", r.getEndpoint(), "");
			}
		});
		server.getSendService().addListener(new SendListener() {
			@Override
			public void dataReceived(Registration r, TimestampedLwM2mNodes data, SendRequest request) {
				event("send", r.getEndpoint(), request.getFormat().getCode() + " " + timed(data));
			}

			@Override
			public void onError(Registration r, String why, Exception e) {
				event("send-error", r == null ? "-" : r.getEndpoint(), why);
			}
		});
		server.getObservationService().addListener(new ObservationListener() {
			@Override
			public void newObservation(Observation o, Registration r) {
			}

			@Override
			public void cancelled(Observation o) {
			}

			@Override
			public void onResponse(SingleObservation o, Registration r, ObserveResponse answer) {
				List<TimestampedLwM2mNode> all = answer.getTimestampedLwM2mNodes();
				if (all == null || all.isEmpty()) {
					event("notify", r.getEndpoint(), text(o.getPath(), answer.getContent()));
					return;
				}
				for (TimestampedLwM2mNode one : all)
					event("notify-past", r.getEndpoint(), one.getTimestamp().toEpochMilli() + " "
							+ text(o.getPath(), one.getNode()));
			}

			@Override
			public void onResponse(CompositeObservation o, Registration r,
					ObserveCompositeResponse answer) {
				event("notify", r.getEndpoint(), text(answer.getContent()));
			}

			@Override
			public void onError(Observation o, Registration r, Exception e) {
				event("notify-error", r == null ? "-" : r.getEndpoint(), e.toString());
			}
		});
		bootstrapServer.addListener(new BootstrapSessionListener() {
			@Override
			public void sessionInitiated(BootstrapRequest request, LwM2mPeer peer) {
				event("bootstrap", request.getEndpointName(), "begins");
			}

			@Override
			public void unAuthorized(BootstrapRequest request, LwM2mPeer peer) {
				event("bootstrap", request.getEndpointName(), "not authorised");
			}

			@Override
			public void authorized(BootstrapSession session) {
			}

			@Override
			public void noConfig(BootstrapSession session) {
				event("bootstrap", session.getEndpoint(), "no configuration");
			}

			@Override
			public void sendRequest(BootstrapSession session,
					BootstrapDownlinkRequest<? extends LwM2mResponse> request) {
			}

			@Override
			public void onResponseSuccess(BootstrapSession session,
					BootstrapDownlinkRequest<? extends LwM2mResponse> request, LwM2mResponse answer) {
				event("bootstrap-step", session.getEndpoint(), request.getClass().getSimpleName() + " "
						+ request.getPath() + " " + answer.getCode().getCode());
			}

			@Override
			public void onResponseError(BootstrapSession session,
					BootstrapDownlinkRequest<? extends LwM2mResponse> request, LwM2mResponse answer) {
				event("bootstrap-step", session.getEndpoint(), request.getClass().getSimpleName() + " "
						+ request.getPath() + " " + answer.getCode().getCode() + " "
						+ answer.getErrorMessage());
			}

			@Override
			public void onRequestFailure(BootstrapSession session,
					BootstrapDownlinkRequest<? extends LwM2mResponse> request, Throwable cause) {
				event("bootstrap-step", session.getEndpoint(), request + " " + cause);
			}

			@Override
			public void end(BootstrapSession session) {
				event("bootstrap", session.getEndpoint(), "ended");
			}

			@Override
			public void failed(BootstrapSession session, BootstrapFailureCause cause) {
				event("bootstrap", session.getEndpoint(), "failed " + cause);
			}
		});
	}

	// ---- values ---------------------------------------------------------------------

	private static String plain(Object v) {
		if (v instanceof byte[])
			return Hex.encodeHexString((byte[]) v);
		if (v instanceof Date)
			return Long.toString(((Date) v).getTime() / 1000);
		if (v instanceof ObjectLink)
			return ((ObjectLink) v).getObjectId() + ":" + ((ObjectLink) v).getObjectInstanceId();
		return String.valueOf(v);
	}

	private static void flatten(Map<String, String> out, String path, LwM2mNode node) {
		if (node instanceof LwM2mObject)
			for (LwM2mObjectInstance i : ((LwM2mObject) node).getInstances().values())
				flatten(out, path + "/" + i.getId(), i);
		else if (node instanceof LwM2mObjectInstance)
			for (LwM2mResource r : ((LwM2mObjectInstance) node).getResources().values())
				flatten(out, path + "/" + r.getId(), r);
		else if (node instanceof LwM2mResource && ((LwM2mResource) node).isMultiInstances())
			for (LwM2mResourceInstance i : ((LwM2mResource) node).getInstances().values())
				out.put(path + "/" + i.getId(), plain(i.getValue()));
		else if (node instanceof LwM2mResource)
			out.put(path, plain(((LwM2mResource) node).getValue()));
		else if (node instanceof LwM2mResourceInstance)
			out.put(path, plain(((LwM2mResourceInstance) node).getValue()));
		else
			out.put(path, "none");
	}

	private static String joined(Map<String, String> flat) {
		StringBuilder s = new StringBuilder();

		for (Map.Entry<String, String> e : flat.entrySet())
			s.append(s.length() == 0 ? "" : "|").append(e.getKey()).append('=').append(e.getValue());
		return s.toString();
	}

	private static String text(LwM2mPath path, LwM2mNode node) {
		Map<String, String> flat = new LinkedHashMap<>();

		flatten(flat, path.isRoot() ? "" : path.toString(), node);
		return joined(flat);
	}

	private static String text(Map<LwM2mPath, LwM2mNode> nodes) {
		Map<String, String> flat = new LinkedHashMap<>();

		if (nodes != null)
			nodes.forEach((path, node) -> flatten(flat, path.toString(), node));
		return joined(flat);
	}

	private static String timed(TimestampedLwM2mNodes data) {
		StringBuilder s = new StringBuilder();

		data.getTimestamps().forEach(t -> s.append('@').append(t == null ? "" : t.toEpochMilli())
				.append(' ').append(text(data.getNodesAt(t))).append(' '));
		return s.toString().trim();
	}

	private static Object value(String typed) {
		String v = typed.substring(2);

		switch (typed.charAt(0)) {
		case 'i':
			return Long.valueOf(v);
		case 'f':
			return Double.valueOf(v);
		case 'b':
			return Boolean.valueOf(v);
		case 'o':
			return Hex.decodeHex(v.toCharArray());
		case 't':
			return new Date(Long.parseLong(v) * 1000);
		case 'l':
			return new ObjectLink(Integer.parseInt(v.split(":")[0]), Integer.parseInt(v.split(":")[1]));
		default:
			return v.replace('+', ' ');
		}
	}

	private static ResourceModel.Type type(String typed) {
		switch (typed.charAt(0)) {
		case 'i':
			return ResourceModel.Type.INTEGER;
		case 'f':
			return ResourceModel.Type.FLOAT;
		case 'b':
			return ResourceModel.Type.BOOLEAN;
		case 'o':
			return ResourceModel.Type.OPAQUE;
		case 't':
			return ResourceModel.Type.TIME;
		case 'l':
			return ResourceModel.Type.OBJLNK;
		default:
			return ResourceModel.Type.STRING;
		}
	}

	/** RID=TYPE:VALUE … from args[from] on */
	private static List<LwM2mResource> resources(String[] args, int from) {
		List<LwM2mResource> all = new ArrayList<>();

		for (String a : Arrays.copyOfRange(args, from, args.length)) {
			String[] p = a.split("=", 2);
			all.add(LwM2mSingleResource.newResource(Integer.parseInt(p[0]), value(p[1]), type(p[1])));
		}
		return all;
	}

	private static ContentFormat format(String name) {
		return name.equals("-") ? null : ContentFormat.fromCode(Integer.parseInt(name));
	}

	// ---- commands -------------------------------------------------------------------

	private DownlinkRequest<? extends LwM2mResponse> request(String verb, String ep, String[] a)
			throws Exception {
		switch (verb) {
		case "read":
			return new ReadRequest(format(a[1]), a[0]);
		case "observe":
			return new ObserveRequest(format(a[1]), a[0]);
		case "cancel": {
			Observation o = observations.remove(ep + String.join(" ", a));

			if (o instanceof CompositeObservation)
				return new CancelCompositeObservationRequest((CompositeObservation) o);
			return new CancelObservationRequest((SingleObservation) o);
		}
		case "discover":
			return new DiscoverRequest(a[0]);
		case "write": {
			LwM2mPath p = new LwM2mPath(a[0]);

			if (p.isResourceInstance())
				return new WriteRequest(format(a[1]), p.getObjectId(), p.getObjectInstanceId(),
						p.getResourceId(), p.getResourceInstanceId(), value(a[2]), type(a[2]));
			return new WriteRequest(WriteRequest.Mode.REPLACE, format(a[1]), a[0],
					LwM2mSingleResource.newResource(p.getResourceId(), value(a[2]), type(a[2])));
		}
		case "replace":
		case "update": {
			LwM2mPath p = new LwM2mPath(a[0]);

			return new WriteRequest(
					verb.equals("update") ? WriteRequest.Mode.UPDATE : WriteRequest.Mode.REPLACE,
					format(a[1]), p.getObjectId(), p.getObjectInstanceId(), resources(a, 2));
		}
		case "execute":
			return a.length > 1 ? new ExecuteRequest(a[0], a[1]) : new ExecuteRequest(a[0]);
		case "create": {
			int object = new LwM2mPath(a[0]).getObjectId();

			if (a[2].equals("-"))
				return new CreateRequest(format(a[1]), object, resources(a, 3));
			return new CreateRequest(format(a[1]), object,
					new LwM2mObjectInstance(Integer.parseInt(a[2]), resources(a, 3)));
		}
		case "delete":
			return new DeleteRequest(a[0]);
		case "attributes":
			return new WriteAttributesRequest(a[0],
					new LwM2mAttributeSet(new DefaultLwM2mAttributeParser().parseUriQuery(a[1])));
		case "read-composite":
			return new ReadCompositeRequest(format(a[0]), format(a[0]),
					Arrays.copyOfRange(a, 1, a.length));
		case "observe-composite":
			return new ObserveCompositeRequest(format(a[0]), format(a[0]),
					Arrays.copyOfRange(a, 1, a.length));
		case "write-composite": {
			Map<String, Object> values = new TreeMap<>();

			for (String one : Arrays.copyOfRange(a, 1, a.length)) {
				String[] p = one.split("=", 2);
				values.put(p[0], value(p[1]));
			}
			return new WriteCompositeRequest(format(a[0]), values);
		}
		default:
			throw new IllegalArgumentException("no verb " + verb);
		}
	}

	private static String content(LwM2mResponse answer, LwM2mPath path) {
		if (answer.isFailure())
			return String.valueOf(answer.getErrorMessage());
		if (answer instanceof ReadCompositeResponse)
			return text(((ReadCompositeResponse) answer).getContent());
		if (answer instanceof ReadResponse)
			return text(path, ((ReadResponse) answer).getContent());
		if (answer instanceof DiscoverResponse)
			return Arrays.toString(((DiscoverResponse) answer).getObjectLinks());
		if (answer instanceof CreateResponse)
			return String.valueOf(((CreateResponse) answer).getLocation());
		return "";
	}

	private String device(String verb, String ep, String[] a) throws Exception {
		Registration r = server.getRegistrationService().getByEndpoint(ep);
		LwM2mResponse answer;

		if (r == null)
			return "ERROR not registered";
		answer = server.send(r, request(verb, ep, a), TIMEOUT_MS);
		if (answer == null)
			return "ERROR no answer within " + TIMEOUT_MS + " ms";
		if (answer instanceof ObserveResponse && answer.isSuccess() && verb.equals("observe"))
			observations.put(ep + a[0], ((ObserveResponse) answer).getObservation());
		if (answer instanceof ObserveCompositeResponse && verb.equals("observe-composite"))
			observations.put(ep + String.join(" ", Arrays.copyOfRange(a, 1, a.length)),
					((ObserveCompositeResponse) answer).getObservation());
		return answer.getCode().getCode() + " "
				+ content(answer, a[0].startsWith("/") ? new LwM2mPath(a[0]) : LwM2mPath.ROOTPATH);
	}

	/** psk ID HEX, rpk SPKI-HEX, x509 */
	private static SecurityInfo info(String ep, String[] a) throws Exception {
		switch (a[0]) {
		case "psk":
			return SecurityInfo.newPreSharedKeyInfo(ep, a[1], Hex.decodeHex(a[2].toCharArray()));
		case "rpk": {
			PublicKey key = KeyFactory.getInstance("EC")
					.generatePublic(new X509EncodedKeySpec(Hex.decodeHex(a[1].toCharArray())));
			return SecurityInfo.newRawPublicKeyInfo(ep, key);
		}
		default:
			return SecurityInfo.newX509CertInfo(ep);
		}
	}

	/** URI SSID LIFETIME [psk ID HEX]: what the bootstrap server gives */
	private static BootstrapConfig config(String[] a) {
		BootstrapConfig c = new BootstrapConfig();
		BootstrapConfig.ServerSecurity s = new BootstrapConfig.ServerSecurity();
		BootstrapConfig.ServerConfig v = new BootstrapConfig.ServerConfig();

		c.toDelete = Arrays.asList("/0", "/1");
		c.autoIdForSecurityObject = true;
		s.uri = a[0];
		s.bootstrapServer = false;
		s.serverId = Integer.parseInt(a[1]);
		s.securityMode = SecurityMode.NO_SEC;
		if (a.length > 3) {
			s.securityMode = SecurityMode.PSK;
			s.publicKeyOrId = a[4].getBytes(StandardCharsets.UTF_8);
			s.secretKey = Hex.decodeHex(a[5].toCharArray());
		}
		v.shortId = s.serverId;
		v.lifetime = Integer.parseInt(a[2]);
		v.binding = EnumSet.of(BindingMode.U);
		v.notifIfDisabled = true;
		c.security.put(0, s);
		c.servers.put(0, v);
		return c;
	}

	private String run(String verb, String ep, String[] a) throws Exception {
		switch (verb) {
		case "security":
			security.add(info(ep, a));
			return "OK";
		case "forget":
			security.remove(ep, false);
			bootstrapSecurity.remove(ep, false);
			bootstrap.remove(ep);
			return "OK";
		case "bootstrap-security":
			bootstrapSecurity.add(info(ep, a));
			return "OK";
		case "bootstrap-config":
			bootstrap.add(ep, config(a));
			return "OK";
		default:
			return device(verb, ep, a);
		}
	}

	private void serve(Socket peer) throws Exception {
		BufferedReader in = new BufferedReader(
				new InputStreamReader(peer.getInputStream(), StandardCharsets.UTF_8));
		String line;

		while ((line = in.readLine()) != null) {
			String[] w = line.trim().split(" +");

			workers.submit(() -> {
				String answer;

				try {
					answer = run(w[1], w[2], Arrays.copyOfRange(w, 3, w.length));
				} catch (Exception e) {
					e.printStackTrace();
					answer = "ERROR " + e;
				}
				say("= " + w[0] + " " + answer);
			});
		}
		workers.shutdownNow();
		server.destroy();
		bootstrapServer.destroy();
	}

	/** The first argument is the port of the control connection. */
	public static void main(String[] args) throws Exception {
		try (ServerSocket control = new ServerSocket(Integer.parseInt(args[0]), 1,
				InetAddress.getLoopbackAddress()); Socket peer = control.accept()) {
			peer.setTcpNoDelay(true);
			out = new PrintStream(peer.getOutputStream(), false, "UTF-8");
			new LeshanPeer(Arrays.copyOfRange(args, 1, args.length)).serve(peer);
		}
		System.exit(0);
	}
}
